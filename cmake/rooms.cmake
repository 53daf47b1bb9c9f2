# A room is a folder, a library, and the list of rooms it may include. A room's headers are found only
# through its own include root (a folder with one link in it), which only the rooms that name it get:
# an include that the plan does not allow does not compile.

include(headers)

# gkm_room(<folder> [USES room...] [USES_INSIDE room...] [LINKS target...] [LINKS_INSIDE target...]
#          [PCH std|caf|tests])
#   USES          rooms whose headers this room's headers include
#   USES_INSIDE   rooms that only its .cpp files include
#   LINKS, LINKS_INSIDE   the same for outside libraries
#   PCH           which precompiled headers its .cpp files share, see precompiled.cmake
# Every .cpp of the folder is compiled, but for main.cpp and what lies in sub-folders.
function(gkm_room folder)
  cmake_parse_arguments(ROOM "" "PCH" "USES;USES_INSIDE;LINKS;LINKS_INSIDE" ${ARGN})
  gkm_room_target(target ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(${target} STATIC ${sources})

  set(root ${CMAKE_BINARY_DIR}/rooms/${target})
  get_filename_component(parent ${root}/${folder} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  if(NOT IS_SYMLINK ${root}/${folder})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${folder} SYMBOLIC)
  endif()
  target_include_directories(${target} PUBLIC ${root})

  foreach(room IN LISTS ROOM_USES)
    gkm_room_target(used ${room})
    target_link_libraries(${target} PUBLIC ${used})
  endforeach()
  foreach(room IN LISTS ROOM_USES_INSIDE)
    gkm_room_target(used ${room})
    target_link_libraries(${target} PRIVATE ${used})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LINKS} PRIVATE ${ROOM_LINKS_INSIDE})
  if(ROOM_PCH)
    target_precompile_headers(${target} REUSE_FROM gkm_precompiled_${ROOM_PCH})
  endif()
  set_property(GLOBAL APPEND PROPERTY GKM_ROOMS ${folder})
  gkm_check_headers(${target} ${folder})
endfunction()

function(gkm_room_target out folder)
  string(REPLACE "/" "_" name ${folder})
  set(${out} gkm_${name} PARENT_SCOPE)
endfunction()
