# Cross-building for Windows with mingw-w64 on Debian.
#   cmake -DCMAKE_TOOLCHAIN_FILE=deploy/toolchain/mingw-w64.cmake -DHM_WINDOWS_DEPS=FOLDER [-DHM_WINDOWS_ARCH=i686]
# FOLDER is what windows-deps.sh filled. x86_64 is for Windows 7 / 2008 R2 and later, i686 for
# Server 2003 and later.
# SPDX-License-Identifier: Apache-2.0
set(HM_WINDOWS_ARCH x86_64 CACHE STRING "x86_64 or i686")
set(HM_WINDOWS_DEPS "" CACHE PATH "Folder that deploy/toolchain/windows-deps.sh filled")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HM_WINDOWS_ARCH HM_WINDOWS_DEPS)

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR ${HM_WINDOWS_ARCH})
set(CMAKE_C_COMPILER ${HM_WINDOWS_ARCH}-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER ${HM_WINDOWS_ARCH}-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/${HM_WINDOWS_ARCH}-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
