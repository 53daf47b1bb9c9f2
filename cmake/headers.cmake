# `check_headers`: every header compiles on its own, and twice. Not part of `all`.
add_custom_target(check_headers)

# gkm_check_headers(<target> header...): the headers, named from the root of the tree, see what the .cpp files
# of the target see, but for its precompiled headers.
function(gkm_check_headers target)
  if(NOT ARGN)
    return()
  endif()
  set(sources)
  foreach(header IN LISTS ARGN)
    set(source ${CMAKE_BINARY_DIR}/headers/${header}.cpp)
    set(include "#include \"${CMAKE_SOURCE_DIR}/${header}\"\n")
    file(CONFIGURE OUTPUT ${source} CONTENT "${include}${include}")
    list(APPEND sources ${source})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${target}_headers PRIVATE
                             $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_link_libraries(${target}_headers PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  # Nothing is ever linked from this: what counts is that it compiles.
  target_compile_options(${target}_headers PRIVATE -O0 -g0)
  add_dependencies(check_headers ${target}_headers)
endfunction()
