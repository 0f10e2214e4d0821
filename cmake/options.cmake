# Compiler settings shared by every target, and gatehouse_room(): a room of the house as a static library.
add_library(gatehouse_options INTERFACE)
target_include_directories(gatehouse_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(gatehouse_options INTERFACE
  _GNU_SOURCE
  GATEHOUSE_VERSION="${PROJECT_VERSION}")
target_compile_options(gatehouse_options INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wvla -Wformat=2 -Wundef -fno-common)
if(GATEHOUSE_WERROR)
  target_compile_options(gatehouse_options INTERFACE -Werror)
endif()
if(GATEHOUSE_TEST_HOOKS)
  target_compile_definitions(gatehouse_options INTERFACE GATEHOUSE_TEST_HOOKS=1)
endif()

if(GATEHOUSE_SANITIZE OR GATEHOUSE_FUZZ)
  target_compile_definitions(gatehouse_options INTERFACE GATEHOUSE_ARENA_MALLOC=1)
  target_compile_options(gatehouse_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(gatehouse_options INTERFACE -fsanitize=address,undefined)
  if(GATEHOUSE_FUZZ)
    target_compile_options(gatehouse_options INTERFACE -fsanitize=fuzzer-no-link
      -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(gatehouse_options INTERFACE -fprofile-instr-generate)
  endif()
else()
  target_compile_options(gatehouse_options INTERFACE
    -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(gatehouse_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()

# gatehouse_room(NAME SOURCES file... USES target...)
function(gatehouse_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC gatehouse_options ${ROOM_USES})
endfunction()

# gatehouse_program(NAME SOURCES file... USES target...)
function(gatehouse_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE gatehouse_options ${PROGRAM_USES})
endfunction()
