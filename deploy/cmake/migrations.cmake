# cmake -DHM_SQL_FILES=a;b -DHM_OUT=x.c -DHM_NAME=hm_migrations_sqlite -P migrations.cmake:
# writes the numbered SQL files as a table of struct hm_migration.
# SPDX-License-Identifier: Apache-2.0
set(texts "")
set(rows "")
foreach(file IN LISTS HM_SQL_FILES)
  get_filename_component(name ${file} NAME_WE)
  if(NOT name MATCHES "^0*([1-9][0-9]*)_[a-z0-9_]+$")
    message(FATAL_ERROR "${file}: name it NNNN_what.sql")
  endif()
  set(version ${CMAKE_MATCH_1})
  # Bytes, not a literal: C17 promises only 4095 characters in one.
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(REPLACE "'\\x0a'," "'\\x0a',\n    " bytes "${bytes}")
  string(APPEND texts "static const char sql_${version}[] = {\n    ${bytes}0};\n\n")
  string(APPEND rows "    {${version}, \"${name}\", sql_${version}},\n")
endforeach()
file(WRITE ${HM_OUT} "/* Generated from schema/sql: do not edit. */
#include \"server/store/migrate.h\"

${texts}const struct hm_migration ${HM_NAME}[] = {
${rows}};
const size_t ${HM_NAME}_count = HM_COUNT(${HM_NAME});
")
