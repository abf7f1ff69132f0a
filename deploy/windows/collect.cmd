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
for %%F in (ipv4 ipv6) do for %%P in (tcp udp) do call :ranges %%F %%P
call :sockets
call :tasks

echo.
echo Done. Next: copy the folder "%OUT%"
echo to a machine that has hm-agent, and run
echo     hm-agent check --from "%COMPUTERNAME%"
echo Nothing on this computer was changed; the folder may be deleted afterwards.
endlocal
exit /b 0

:usage
echo collect.cmd [FOLDER]
echo Gathers port ranges, exclusions, sockets and services of this computer for
echo "hm-agent check --from", into a folder named after the computer; below FOLDER,
echo or beside this file.
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
if exist "%SYS%\reg.exe" goto system_read
rem Windows 2000 is the only one of them without reg.exe.
set "PRODUCT=Windows 2000"
set "RELEASE=5.0"
set "BUILD=2195"
goto system_write
:system_read
call :text PRODUCT ProductName
call :text RELEASE CurrentVersion
call :text BUILD CurrentBuildNumber
call :number MAJOR CurrentMajorVersionNumber
call :number MINOR CurrentMinorVersionNumber
call :number UBR UBR
if defined MAJOR if defined MINOR set "RELEASE=%MAJOR%.%MINOR%"
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
echo   services
"%SYS%\tasklist.exe" /svc /fo csv >"%OUT%\tasklist.csv" 2>nul
if errorlevel 1 del "%OUT%\tasklist.csv"
call :not_empty "%OUT%\tasklist.csv"
goto :eof

rem :not_empty FILE - a command that says nothing knows nothing: no file
:not_empty
if not exist %1 goto :eof
for %%F in (%1) do if "%%~zF"=="0" del %1
goto :eof
