@echo off
rem deploy/windows/collect.cmd - gathers what "hm-agent check --from FOLDER" reads.
rem SPDX-License-Identifier: Apache-2.0
rem
rem For any Windows from 2000 on: nothing is installed, nothing is changed, no rights are needed
rem beyond those of a user who may log on. No output of a command is interpreted here, as it is
rem translated; only registry values (the same in every language) are read, for host.json.
rem What a system cannot tell leaves no file, or, where netsh refuses, one line with its exit
rem status.
rem
rem   collect.cmd            makes the folder beside this file
rem   collect.cmd D:\where   makes it there

setlocal enableextensions disabledelayedexpansion
if "%~1"=="/?" goto usage
if "%~1"=="-h" goto usage
if "%~1"=="--help" goto usage

set "BASE=%~dp0"
if not "%~1"=="" set "BASE=%~1\"
set "OUT=%BASE%%COMPUTERNAME%"
rem A 32-bit cmd.exe on 64-bit Windows would see the wrong registry and System32.
set "SYS=%SystemRoot%\System32"
if defined PROCESSOR_ARCHITEW6432 if exist "%SystemRoot%\Sysnative\netsh.exe" set "SYS=%SystemRoot%\Sysnative"

if not exist "%OUT%\" mkdir "%OUT%"
if not exist "%OUT%\" goto no_folder

echo Gathering into "%OUT%"
call :system
rem regedit of Windows 2000 wants the long name of the root.
call :registry tcpip-parameters "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
call :registry dns-parameters "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\DNS\Parameters"
call :registry hns-state "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\hns\State"
call :registry cluster-resources "HKEY_LOCAL_MACHINE\Cluster\Resources"
for %%F in (ipv4 ipv6) do for %%P in (tcp udp) do call :ranges %%F %%P
call :port_values
call :configured
call :sockets
call :tasks
call :services
call :boot
call :events

echo.
echo Done. Next: copy the folder "%OUT%"
echo to a machine that has hm-agent, and run
echo     hm-agent check --from "%COMPUTERNAME%"
echo Nothing on this computer was changed; the folder may be deleted afterwards.
endlocal
exit /b 0

:usage
echo collect.cmd [FOLDER]
echo Gathers port ranges, exclusions, sockets, services, and events of services that failed,
echo of this computer for "hm-agent check --from", into a folder named after the computer;
echo below FOLDER, or beside this file.
exit /b 0

:no_folder
echo The folder "%OUT%" cannot be made. Run collect.cmd with a folder that you may write to:
echo     collect.cmd "%TEMP%"
endlocal
exit /b 1

rem --- host.json: which Windows this is -------------------------------------------------------
:system
echo   system
set "NT=HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
set "PRODUCT="
set "RELEASE="
set "BUILD="
set "MAJOR="
set "MINOR="
set "UBR=0"
if not exist "%SYS%\reg.exe" goto system_ver
:system_read
call :text PRODUCT ProductName
call :text RELEASE CurrentVersion
call :text BUILD CurrentBuildNumber
call :number MAJOR CurrentMajorVersionNumber
call :number MINOR CurrentMinorVersionNumber
call :number UBR UBR
if defined MAJOR if defined MINOR set "RELEASE=%MAJOR%.%MINOR%"
if defined RELEASE if defined BUILD goto system_write
rem Windows 2000 has no reg.exe, and a policy may forbid it elsewhere: the last word of "ver" is the
rem version ("[Version 5.00.2195]"); the words before it are translated.
:system_ver
for /f "tokens=1,2 delims=[]" %%A in ('ver') do call :last_word %%A %%B
for /f "tokens=1-3 delims=." %%A in ("%VERSION%") do call :version %%A %%B %%C
if "%RELEASE%"=="5.0" set "PRODUCT=Windows 2000"
if not defined PRODUCT set "PRODUCT=Windows"
:system_write
set "ARCH=%PROCESSOR_ARCHITECTURE%"
if defined PROCESSOR_ARCHITEW6432 set "ARCH=%PROCESSOR_ARCHITEW6432%"
if /i "%ARCH%"=="AMD64" set "ARCH=x86_64"
if exist "%OUT%\host.json" del "%OUT%\host.json"
if not defined RELEASE goto :eof
if not defined BUILD goto :eof
>"%OUT%\host.json" echo {
>>"%OUT%\host.json" echo   "os": {
>>"%OUT%\host.json" echo     "family": "windows",
>>"%OUT%\host.json" echo     "name": "%PRODUCT%",
>>"%OUT%\host.json" echo     "version": "%RELEASE%.%BUILD%",
>>"%OUT%\host.json" echo     "revision": %UBR%,
>>"%OUT%\host.json" echo     "arch": "%ARCH%"
>>"%OUT%\host.json" echo   }
>>"%OUT%\host.json" echo }
goto :eof

:last_word
set "VERSION=%1"
shift
if not "%1"=="" goto last_word
goto :eof

rem :version MAJOR MINOR BUILD - as "ver" says it: "5 00 2195"
:version
set "RELEASE=%1.%2"
if "%2"=="00" set "RELEASE=%1.0"
set "BUILD=%3"
goto :eof

rem :text VARIABLE VALUE - a REG_SZ below %NT%
:text
for /f "tokens=2,*" %%A in ('%SYS%\reg.exe query "%NT%" /v %2 2^>nul') do if "%%A"=="REG_SZ" set "%1=%%B"
goto :eof

rem :number VARIABLE VALUE - a REG_DWORD below %NT%, which reg.exe prints as 0x...
:number
for /f "tokens=2,*" %%A in ('%SYS%\reg.exe query "%NT%" /v %2 2^>nul') do if "%%A"=="REG_DWORD" set /a "%1=%%B"
goto :eof

rem --- :registry NAME KEY ---------------------------------------------------------------------
:registry
echo   %1
if exist "%OUT%\%1.reg" del "%OUT%\%1.reg"
if exist "%SYS%\reg.exe" goto registry_export
start "" /wait "%SystemRoot%\regedit.exe" /e "%OUT%\%1.reg" %2
goto :eof
:registry_export
"%SYS%\reg.exe" export %2 "%OUT%\%1.reg" >nul 2>nul
if errorlevel 1 if exist "%OUT%\%1.reg" del "%OUT%\%1.reg"
goto :eof

rem --- :ranges FAMILY PROTOCOL ----------------------------------------------------------------
:ranges
if exist "%OUT%\%1-%2-dynamicport.txt" del "%OUT%\%1-%2-dynamicport.txt"
if exist "%OUT%\%1-%2-excludedportrange.txt" del "%OUT%\%1-%2-excludedportrange.txt"
rem Windows 2000, XP and 2003 have neither command: the registry says it all.
if "%RELEASE:~0,2%"=="5." goto :eof
echo   %1 %2
call :netsh "%OUT%\%1-%2-dynamicport.txt" interface %1 show dynamicport protocol=%2
call :netsh "%OUT%\%1-%2-excludedportrange.txt" interface %1 show excludedportrange protocol=%2
goto :eof

rem :netsh FILE ARGUMENTS...
:netsh
"%SYS%\netsh.exe" %2 %3 %4 %5 %6=%7 >%1 2>nul
set "STATUS=%ERRORLEVEL%"
if not "%STATUS%"=="0" >%1 echo netsh failed: exit %STATUS%
goto :eof

rem --- port-values.txt: ports that an administrator chose for services of Windows --------------------
rem PortNumber of Remote Desktop (Microsoft Learn, "Change the listening port for Remote Desktop") and
rem the entries of "netsh interface portproxy": only these values, as the key of Remote Desktop has
rem others that are nobody's business; fixed ports of RPC servers, each a value of its own; addresses
rem and ports of each instance of SQL Server from 2005 on. Windows 2000 has no reg.exe: what regedit
rem exports, filtered, of Remote Desktop only.
:port_values
for %%F in (port-values.txt port-values.reg) do if exist "%OUT%\%%F" del "%OUT%\%%F"
echo   ports of services
if not exist "%SYS%\findstr.exe" goto :eof
if not exist "%SYS%\reg.exe" goto port_values_export
"%SYS%\reg.exe" query "HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp" /v PortNumber >"%OUT%\port-values.txt" 2>nul
rem Other listeners have keys of their own beside it: of each only its name and this value.
"%SYS%\reg.exe" query "HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations" /s 2>nul | "%SYS%\findstr.exe" /b /c:"HKEY_" /c:"    PortNumber" >>"%OUT%\port-values.txt"
"%SYS%\reg.exe" query "HKLM\SYSTEM\CurrentControlSet\Services\PortProxy" /s >>"%OUT%\port-values.txt" 2>nul
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\NTDS\Parameters" "TCP/IP Port"
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters" DCTcpipPort
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\NtFrs\Parameters" "RPC TCP/IP Port Assignment"
call :port_value "HKLM\SOFTWARE\Classes\AppID\{D99E6E74-FC88-11D0-B498-00A0C90312F3}" Endpoints
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeRPC\ParametersSystem" "TCP/IP Port"
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeAB\Parameters" RpcTcpPort
call :port_value "HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Printers\RPC" RpcTcpPort
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\WDSServer\Parameters" UdpPortPolicy
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\WDSServer\Parameters" UdpStartPort
call :port_value "HKLM\SYSTEM\CurrentControlSet\Services\WDSServer\Parameters" UdpEndPort
call :sql_ports "HKLM\SOFTWARE\Microsoft\Microsoft SQL Server"
call :sql_ports "HKLM\SOFTWARE\WOW6432Node\Microsoft\Microsoft SQL Server"
"%SYS%\findstr.exe" /b HKEY_ "%OUT%\port-values.txt" >nul 2>nul
if errorlevel 1 del "%OUT%\port-values.txt"
rem Without this last line the file was cut.
if exist "%OUT%\port-values.txt" echo end of port values>>"%OUT%\port-values.txt"
goto :eof
rem :port_value KEY NAME
:port_value
"%SYS%\reg.exe" query %1 /v %2 >>"%OUT%\port-values.txt" 2>nul
goto :eof
rem :sql_ports KEY - the names of instances, and of each the key of TCP, by its id
:sql_ports
"%SYS%\reg.exe" query "%~1\Instance Names\SQL" >>"%OUT%\port-values.txt" 2>nul
for /f "tokens=2,*" %%A in ('%SYS%\reg.exe query "%~1\Instance Names\SQL" 2^>nul') do if "%%A"=="REG_SZ" "%SYS%\reg.exe" query "%~1\%%B\MSSQLServer\SuperSocketNetLib\Tcp" /s >>"%OUT%\port-values.txt" 2>nul
goto :eof
:port_values_export
start "" /wait "%SystemRoot%\regedit.exe" /e "%OUT%\port-values.reg" "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations"
if not exist "%OUT%\port-values.reg" goto :eof
rem type makes one byte of each character, which findstr needs.
type "%OUT%\port-values.reg" | "%SYS%\findstr.exe" /c:"Windows Registry" /c:"[HKEY_" /c:"PortNumber" >"%OUT%\port-values.tmp"
del "%OUT%\port-values.reg"
ren "%OUT%\port-values.tmp" port-values.reg
call :not_empty "%OUT%\port-values.reg"
goto :eof

rem --- what HTTP.sys, IIS and containers are set up to serve -------------------------------------
rem Of applicationHost.config only the lines with the names of sites and with their bindings: it
rem holds passwords, too. With shared configuration it is the file of another folder, which
rem redirection.config names. What cannot be read is one line in iis-bindings.txt, which hm-agent
rem repeats. Windows 2000, XP and 2003 have no exclusions that could harm HTTP.sys.
:configured
for %%F in (http-urlacl.txt http-sslcert.txt iis-bindings.txt hns-endpoints.json) do if exist "%OUT%\%%F" del "%OUT%\%%F"
if "%RELEASE:~0,2%"=="5." goto :eof
echo   web servers and containers
call :http urlacl
call :http sslcert
set "SITES=%SYS%\inetsrv\config\applicationHost.config"
set "FAILED="
if exist "%SYS%\inetsrv\config\redirection.config" call :redirection "%SYS%\inetsrv\config\redirection.config"
if defined FAILED goto sites_failed
if exist "%SITES%" goto sites
rem Who may not read the settings of IIS does not see that they are there.
if not exist "%SYS%\inetsrv\w3wp.exe" goto containers
set "FAILED=applicationHost.config cannot be read"
goto sites_failed
:sites
"%SYS%\findstr.exe" /i /c:"<configuration" "%SITES%" >nul 2>nul
if errorlevel 1 set "FAILED=applicationHost.config cannot be read"
if defined FAILED goto sites_failed
"%SYS%\findstr.exe" /i /c:"<site " /c:"<sites " /c:"<binding " /c:"<ftpServer " /c:"<siteDefaults" "%SITES%" >"%OUT%\iis-bindings.txt" 2>nul
call :not_empty "%OUT%\iis-bindings.txt"
goto containers
:sites_failed
echo     IIS: %FAILED%
>"%OUT%\iis-bindings.txt" echo iis failed: %FAILED%
:containers
rem The service of the host networks is asked only where it runs, and starts nothing. Of more than
rem 2000 endpoints the rest is missing, and a mark at the end says so: hm-agent repeats it.
set "SHELL=%SYS%\WindowsPowerShell\v1.0\powershell.exe"
if not exist "%SHELL%" goto :eof
"%SHELL%" -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command "if ((Get-Service hns -ErrorAction Stop).Status -eq 'Running') { $all = @(Get-HnsEndpoint -ErrorAction Stop | Select-Object Policies); $some = @($all | Select-Object -First 2000); if ($all.Count -gt 2000) { $some += @{EndpointsCut = $true} }; ConvertTo-Json -Compress -Depth 8 -InputObject $some }" >"%OUT%\hns-endpoints.json" 2>nul <nul
if errorlevel 1 del "%OUT%\hns-endpoints.json"
call :not_empty "%OUT%\hns-endpoints.json"
goto :eof

rem :redirection FILE - of shared configuration SITES becomes the file in use, or FAILED says why it is
rem not known. The file holds a password, too: of its element, whose quotes become bars, only the path
rem is taken. IIS writes the element on one line (IIS configuration reference, configurationRedirection).
:redirection
"%SYS%\findstr.exe" /i /c:"<configuration" "%~1" >nul 2>nul
if errorlevel 1 set "FAILED=redirection.config cannot be read"
if defined FAILED goto :eof
set "LINE="
for /f "usebackq delims=" %%L in (`%SYS%\findstr.exe /i /c:"<configurationRedirection" "%~1"`) do set "LINE=%%L"
if not defined LINE goto :eof
set "LINE=%LINE:"=|%"
if not "%LINE:enabled=%"=="%LINE%" goto redirection_enabled
if "%LINE:>=%"=="%LINE%" set "FAILED=redirection.config is not on one line"
goto :eof
:redirection_enabled
set "REST=%LINE:*enabled=%"
if /i "%REST:~0,8%"=="=|false|" goto :eof
set "FAILED=the shared configuration cannot be read"
if "%LINE: path=%"=="%LINE%" goto :eof
set "REST=%LINE:* path=%"
set "LINE="
set "SHARED="
for /f "tokens=2 delims=|" %%P in ("%REST%") do set "SHARED=%%P"
set "REST="
if not defined SHARED goto :eof
rem Twice: the path may hold names of variables.
call set "SHARED=%SHARED%"
if not exist "%SHARED%\applicationHost.config" goto :eof
set "SITES=%SHARED%\applicationHost.config"
set "FAILED="
goto :eof

rem :http LIST
:http
"%SYS%\netsh.exe" http show %1 >"%OUT%\http-%1.txt" 2>nul
set "STATUS=%ERRORLEVEL%"
if not "%STATUS%"=="0" >"%OUT%\http-%1.txt" echo netsh failed: exit %STATUS%
goto :eof

rem --- netstat.txt ----------------------------------------------------------------------------
:sockets
echo   sockets
if exist "%OUT%\netstat.txt" del "%OUT%\netstat.txt"
rem Windows 2000 cannot show process ids.
set "OPTIONS=-ano"
if "%RELEASE:~0,3%"=="5.0" set "OPTIONS=-an"
"%SYS%\netstat.exe" %OPTIONS% >"%OUT%\netstat.txt" 2>nul
if errorlevel 1 del "%OUT%\netstat.txt"
call :not_empty "%OUT%\netstat.txt"
goto :eof

rem --- tasklist.csv ---------------------------------------------------------------------------
:tasks
if exist "%OUT%\tasklist.csv" del "%OUT%\tasklist.csv"
if not exist "%SYS%\tasklist.exe" goto :eof
echo   programs
"%SYS%\tasklist.exe" /svc /fo csv >"%OUT%\tasklist.csv" 2>nul
if errorlevel 1 del "%OUT%\tasklist.csv"
call :not_empty "%OUT%\tasklist.csv"
goto :eof

rem --- services: how each starts, and which run -------------------------------------------------
rem How a service starts stands in the registry, in no language: Type (0x10 and 0x20 are services),
rem Start (2 automatic, 3 manual, 4 disabled), since Vista DelayedAutostart, since 7 a key
rem TriggerInfo with Action 1; ImagePath, DependOnService. Source: Microsoft Learn, "HKLM\SYSTEM\
rem CurrentControlSet\Services registry tree" and QUERY_SERVICE_CONFIG. Which command gives it:
rem   2000         regedit /e, the whole key: there is neither reg.exe nor sc.exe
rem   XP, 2003     reg export, the whole key (1 to 3 MB): "reg query /s" knows no /v there
rem   Vista to now reg query /s /v, one value of all keys: the whole key has firewall rules and
rem                settings of drivers, too, and is of any size
rem   where a policy forbids registry tools: sc qc of each service
rem What a failover cluster starts is manual here, and stands in cluster-resources.reg (read by
rem administrators only).
rem Which services run: sc queryex (XP and later), whose numbers are not translated, and tasklist;
rem on 2000 net start, by the names that people see.
:services
echo   services
for %%F in (services.txt services.reg services-config.txt services-state.txt services-running.txt) do if exist "%OUT%\%%F" del "%OUT%\%%F"
if "%RELEASE:~0,2%"=="5." goto services_export
if not exist "%SYS%\reg.exe" goto services_state
for %%V in (Type Start ImagePath DelayedAutostart DependOnService Action) do "%SYS%\reg.exe" query "HKLM\SYSTEM\CurrentControlSet\Services" /s /v %%V >>"%OUT%\services.txt" 2>nul
"%SYS%\findstr.exe" /b HKEY_ "%OUT%\services.txt" >nul 2>nul
if errorlevel 1 del "%OUT%\services.txt"
goto services_state
:services_export
call :registry services "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
:services_state
if not exist "%SYS%\sc.exe" goto services_net
rem The buffer's limit is 64 KB before 2003 SP1, and 256 KB since (EnumServicesStatusEx).
set "BUFFER=262144"
if "%RELEASE:~0,2%"=="5." set "BUFFER=65536"
"%SYS%\sc.exe" queryex type= service state= all bufsize= %BUFFER% >"%OUT%\services-state.txt" 2>nul
if errorlevel 1 "%SYS%\sc.exe" queryex type= service state= all >"%OUT%\services-state.txt" 2>nul
if errorlevel 1 del "%OUT%\services-state.txt"
call :not_empty "%OUT%\services-state.txt"
if not exist "%OUT%\services-state.txt" goto services_net
if exist "%OUT%\services.txt" goto :eof
if exist "%OUT%\services.reg" goto :eof
set "HEAD="
for /f "usebackq tokens=1,* delims=:" %%A in ("%OUT%\services-state.txt") do call :config "%%A" "%%B"
goto :eof
:services_net
if exist "%OUT%\tasklist.csv" goto :eof
"%SYS%\net.exe" start >"%OUT%\services-running.txt" 2>nul
call :not_empty "%OUT%\services-running.txt"
goto :eof

rem :config LABEL VALUE - of a line of services-state.txt: one that is not indented is the name of a
rem service; the one behind it, too, is the name that people see
:config
set "LABEL=%~1"
if "%LABEL:~0,1%"==" " set "HEAD="
if "%LABEL:~0,1%"==" " goto :eof
if defined HEAD goto :eof
set "HEAD=yes"
set "NAME=%~2"
if not defined NAME goto :eof
"%SYS%\sc.exe" qc "%NAME:~1%" 8192 >>"%OUT%\services-config.txt" 2>nul
goto :eof

rem --- boot-time.txt, tcpip-parameters.hiv --------------------------------------------------------
rem Windows 2000, XP and 2003 read ReservedPorts, MaxUserPort and TcpTimedWaitDelay when they start
rem (KB956189): what was written since then is not in force. Later systems need neither file. Which
rem system gives what, in every language:
rem   when it started   2000, XP, 2003: LastBootUpTime of Win32_OperatingSystem (Microsoft Learn), a
rem                     time without names of days or months. Asked by the script host, which all
rem                     three have; the script is deleted again. "net statistics" and systeminfo
rem                     are translated, and so is the time of a file in a listing.
rem   when the key was  XP, 2003: the time is in the file that "reg save" makes (Microsoft Learn, "reg
rem   last written      save"), which only an administrator may do. reg query and reg export do not
rem                     show it. 2000 has no reg.exe, and its regedit exports no time: unknown there.
rem Where one of them is missing, hm-agent says that the values are assumed to be in force.
:boot
for %%F in (boot-time.txt boot-time.vbs tcpip-parameters.hiv) do if exist "%OUT%\%%F" del "%OUT%\%%F"
if not "%RELEASE:~0,2%"=="5." goto :eof
echo   boot
if not exist "%SYS%\cscript.exe" goto boot_key
>"%OUT%\boot-time.vbs" echo For Each o In GetObject("winmgmts:\\.\root\cimv2").InstancesOf("Win32_OperatingSystem")
>>"%OUT%\boot-time.vbs" echo WScript.Echo o.LastBootUpTime
>>"%OUT%\boot-time.vbs" echo Next
"%SYS%\cscript.exe" //nologo "%OUT%\boot-time.vbs" >"%OUT%\boot-time.txt" 2>nul
if errorlevel 1 del "%OUT%\boot-time.txt"
del "%OUT%\boot-time.vbs"
call :not_empty "%OUT%\boot-time.txt"
:boot_key
if not exist "%SYS%\reg.exe" goto :eof
"%SYS%\reg.exe" save "HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters" "%OUT%\tcpip-parameters.hiv" >nul 2>nul
if errorlevel 1 if exist "%OUT%\tcpip-parameters.hiv" del "%OUT%\tcpip-parameters.hiv"
call :not_empty "%OUT%\tcpip-parameters.hiv"
goto :eof

rem --- events.xml: what the event logs say of services that failed ---------------------------------
rem By provider and number, which are in no language; hm-agent knows which of them mean a service
rem that did not get its port (7023, 7024, 4292, 17182 ...). 6005 is the start of the event log, that
rem is, of the system: older events do not count. Texts of events name services, addresses and
rem databases. Which system gives them with nothing installed:
rem   Vista to now      wevtutil qe /f:xml (Microsoft Learn, "wevtutil"); /uni:true, as names of
rem                     services need not fit the console's code page; newest first, 500 of a log and
rem                     30 days at most. A log of over 128 MB takes long to search: there the newest
rem                     1000 events are taken as they are
rem   2000, XP, 2003    Win32_NTLogEvent (Microsoft Learn), since the system started, asked by the
rem                     script host, for a minute at most (//T); what is not ASCII as &#number; the
rem                     script is deleted again
rem What is missing or refuses is one line in events.xml, which hm-agent repeats: alone where it is
rem the System log or all of them, otherwise below the events of the others.
:events
for %%F in (events.xml events.vbs) do if exist "%OUT%\%%F" del "%OUT%\%%F"
set "SYSTEM_EVENTS=7000 7001 7009 7022 7023 7024 7031 7034 4292 3015 3024 15005"
set "APPLICATION_EVENTS=3015 3024 17182 17826 26023"
set "DNS_EVENTS=404 407 408"
echo   events
if "%RELEASE:~0,2%"=="5." goto events_script
if not exist "%SYS%\wevtutil.exe" goto events_no_wevtutil
call :terms EventID %SYSTEM_EVENTS%
call :wevtutil System "EventID=6005 or "
call :not_empty "%OUT%\events.xml"
if not "%STATUS%"=="0" goto events_refused
if not exist "%OUT%\events.xml" goto events_refused
call :terms EventID %APPLICATION_EVENTS%
call :wevtutil Application ""
if not "%STATUS%"=="0" call :events_mark Application
rem Only a DNS server has this log; 5 is a refusal.
"%SYS%\wevtutil.exe" gl "DNS Server" >nul 2>nul
set "STATUS=%ERRORLEVEL%"
if "%STATUS%"=="5" call :events_mark "DNS Server"
if not "%STATUS%"=="0" goto :eof
call :terms EventID %DNS_EVENTS%
call :wevtutil "DNS Server" ""
if not "%STATUS%"=="0" call :events_mark "DNS Server"
goto :eof
rem :events_mark LOG - in UTF-16, as wevtutil writes above it
:events_mark
>>"%OUT%\events.xml" "%SYS%\cmd.exe" /u /c echo events failed: %~1 log: wevtutil exit %STATUS%
goto :eof
:events_no_wevtutil
echo     wevtutil.exe is missing: events are not gathered
>"%OUT%\events.xml" echo events failed: wevtutil.exe is missing
goto :eof
:events_refused
>"%OUT%\events.xml" echo events failed: wevtutil exit %STATUS%
goto :eof

rem :terms PROPERTY NUMBERS... - TERMS becomes "PROPERTY=1 or PROPERTY=2"
:terms
set "TERMS=%1=%2"
:terms_next
if "%3"=="" goto :eof
set "TERMS=%TERMS% or %1=%3"
shift /2
goto terms_next

rem :wevtutil LOG "OTHER TERMS" - appends; STATUS is its exit status. An expression may have 20 terms
rem (Microsoft Learn, EvtQuery).
:wevtutil
set "FILTER=*[System[%~2((%TERMS%) and TimeCreated[timediff(@SystemTime) <= 2592000000])]]"
set "MOST=500"
for %%F in ("%SYS%\winevt\Logs\%~1.evtx") do if exist %%F if %%~zF GTR 134217728 set "MOST=1000"
if "%MOST%"=="1000" set "FILTER=*"
"%SYS%\wevtutil.exe" qe %1 "/q:%FILTER%" /f:xml /rd:true /c:%MOST% /e:Events /uni:true >>"%OUT%\events.xml" 2>nul
set "STATUS=%ERRORLEVEL%"
if not "%STATUS%"=="0" echo     the %~1 log could not be read: exit %STATUS%
goto :eof

:events_script
if not exist "%SYS%\cscript.exe" goto events_no_cscript
set "VBS=%OUT%\events.vbs"
>"%VBS%" echo Set w = GetObject("winmgmts:\\.\root\cimv2")
>>"%VBS%" echo For Each o In w.InstancesOf("Win32_OperatingSystem")
>>"%VBS%" echo started = o.LastBootUpTime
>>"%VBS%" echo Next
>>"%VBS%" echo WScript.Echo "<Events>"
rem An error in Ask ends it, and the next log is asked.
>>"%VBS%" echo On Error Resume Next
call :terms EventCode 6005 %SYSTEM_EVENTS%
>>"%VBS%" echo Ask "System", "%TERMS%"
>>"%VBS%" echo Failed "System"
call :terms EventCode %APPLICATION_EVENTS%
>>"%VBS%" echo Ask "Application", "%TERMS%"
>>"%VBS%" echo Failed "Application"
call :terms EventCode %DNS_EVENTS%
>>"%VBS%" echo Ask "DNS Server", "%TERMS%"
>>"%VBS%" echo Failed "DNS Server"
>>"%VBS%" echo WScript.Echo "</Events>"
>>"%VBS%" echo Sub Failed(name)
>>"%VBS%" echo If Err.Number ^<^> 0 Then WScript.Echo "events failed: " ^& name ^& " log: script error " ^& Err.Number
>>"%VBS%" echo Err.Clear
>>"%VBS%" echo End Sub
>>"%VBS%" echo Sub Ask(name, terms)
>>"%VBS%" echo q = "SELECT * FROM Win32_NTLogEvent WHERE Logfile='" ^& name ^& "' AND TimeGenerated>='" ^& started ^& "'"
>>"%VBS%" echo n = 0
>>"%VBS%" echo For Each e In w.ExecQuery(q ^& " AND (" ^& terms ^& ")", "WQL", 48)
>>"%VBS%" echo n = n + 1
>>"%VBS%" echo If n ^> 500 Then Exit Sub
>>"%VBS%" echo d = ""
>>"%VBS%" echo a = e.InsertionStrings
>>"%VBS%" echo If IsArray(a) Then
>>"%VBS%" echo For k = 0 To UBound(a)
>>"%VBS%" echo If Len(d) ^< 2000 Then d = d ^& "<Data>" ^& Plain("" ^& a(k)) ^& "</Data>"
>>"%VBS%" echo Next
>>"%VBS%" echo End If
>>"%VBS%" echo h = "<Event><System><Provider Name='" ^& Plain(e.SourceName) ^& "'/><EventID>" ^& e.EventCode ^& "</EventID>"
>>"%VBS%" echo h = h ^& "<TimeCreated SystemTime='" ^& e.TimeGenerated ^& "'/><EventRecordID>" ^& e.RecordNumber ^& "</EventRecordID>"
>>"%VBS%" echo WScript.Echo h ^& "<Channel>" ^& name ^& "</Channel></System><EventData>" ^& d ^& "</EventData></Event>"
>>"%VBS%" echo Next
>>"%VBS%" echo End Sub
>>"%VBS%" echo Function Plain(text)
>>"%VBS%" echo r = ""
>>"%VBS%" echo For i = 1 To Len(text)
>>"%VBS%" echo If i ^> 300 Then Exit For
>>"%VBS%" echo c = AscW(Mid(text, i, 1))
>>"%VBS%" echo If c ^< 0 Then c = c + 65536
>>"%VBS%" echo If c ^< 32 Or c ^> 126 Or c = 38 Or c = 39 Or c = 60 Or c = 62 Then r = r ^& "&#" ^& c ^& ";" Else r = r ^& Chr(c)
>>"%VBS%" echo Next
>>"%VBS%" echo Plain = r
>>"%VBS%" echo End Function
"%SYS%\cscript.exe" //nologo //T:60 "%VBS%" >"%OUT%\events.xml" 2>nul
set "STATUS=%ERRORLEVEL%"
del "%VBS%"
call :not_empty "%OUT%\events.xml"
if exist "%OUT%\events.xml" goto :eof
echo     the event logs cannot be read: exit %STATUS%
>"%OUT%\events.xml" echo events failed: script host exit %STATUS%
goto :eof
:events_no_cscript
echo     cscript.exe is missing: events are not gathered
>"%OUT%\events.xml" echo events failed: cscript.exe is missing
goto :eof

rem :not_empty FILE - a command that says nothing knows nothing: no file
:not_empty
if not exist %1 goto :eof
for %%F in (%1) do if "%%~zF"=="0" del %1
goto :eof
