# Builds that watch themselves, one kind at a time. A finding ends the program.
#   address   addresses and undefined behaviour (preset asan)
#   thread    data races (preset tsan): only for what does not link CAF, whose scheduler it does not follow
#   fuzz      address, and coverage for libFuzzer (preset fuzz): clang only
set(GKM_SANITIZE "" CACHE STRING "address, thread, fuzz, or nothing")

if(GKM_SANITIZE STREQUAL "thread")
  set(sanitizers thread)
  # With its calls in between, GCC 12 loses sight of which std::optional holds something, and of how long
  # strings are: its warnings are wrong too often to end the build.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-error>)
elseif(GKM_SANITIZE)
  set(sanitizers address,undefined)
  # CAF 0.17 forms a null reference in its function-based spawn. The ignored places are other people's headers.
  list(APPEND exceptions -fno-sanitize=null)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options(-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/sanitizer_ignore.txt)
  else()
    # g++ has no such list; the assertions of its library (toolchain.cmake) see most of what is lost. Sanitized code
    # hides from g++ what is initialised.
    list(APPEND exceptions -fno-sanitize=pointer-overflow -Wno-error=maybe-uninitialized)
  endif()
endif()

if(GKM_SANITIZE)
  # Exceptions count only after what they are from.
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer ${exceptions})
  add_link_options(-fsanitize=${sanitizers})
endif()

set(GKM_FUZZ OFF)
if(GKM_SANITIZE STREQUAL "fuzz")
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "libFuzzer is a part of clang: use the preset 'fuzz'")
  endif()
  set(GKM_FUZZ ON)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
