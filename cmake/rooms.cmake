# A room is a folder, a library, and the list of rooms it may include. A room's headers are found only
# through its own include root (a folder of links to them), which only the rooms that name it get: an include
# that the plan does not allow does not compile.

include(headers)

# gkm_room(<folder> [FOLDERS sub-folder...] [USES room...] [USES_INSIDE room...] [IMPLEMENTS room...]
#          [LINKS target...] [LINKS_INSIDE target...] [PORTS header...] [PCH std|caf|tests])
#   FOLDERS       sub-folders that belong to this room; others are rooms of their own
#   USES          rooms whose headers this room's headers include
#   USES_INSIDE   rooms that only its .cpp files include
#   IMPLEMENTS    rooms whose PORTS this room sees, and nothing else of them
#   LINKS, LINKS_INSIDE   like USES and USES_INSIDE, for outside libraries
#   PORTS         headers for rooms that IMPLEMENT this one: without CAF
#   PCH           which precompiled headers its .cpp files share, see precompiled.cmake
# Every .cpp of the folders is compiled, but for main.cpp.
function(gkm_room folder)
  cmake_parse_arguments(ROOM "" "PCH" "FOLDERS;USES;USES_INSIDE;IMPLEMENTS;LINKS;LINKS_INSIDE;PORTS" ${ARGN})
  gkm_room_target(target ${folder})
  set(folders ${folder})
  foreach(part IN LISTS ROOM_FOLDERS)
    list(APPEND folders ${folder}/${part})
  endforeach()
  set(sources)
  set(headers)
  foreach(part IN LISTS folders)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${part}/*.cpp)
    list(APPEND sources ${found})
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/${part}/*.hpp)
    list(APPEND headers ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(${target} STATIC ${sources})
  gkm_include_root(root ${target} ${headers})
  target_include_directories(${target} PUBLIC ${root})

  if(ROOM_PORTS)
    list(TRANSFORM ROOM_PORTS PREPEND ${folder}/)
    gkm_include_root(root ${target}_ports ${ROOM_PORTS})
    add_library(${target}_ports INTERFACE)
    target_include_directories(${target}_ports INTERFACE ${root})
    target_link_libraries(${target}_ports INTERFACE $<LINK_ONLY:${target}>)
  endif()

  foreach(room IN LISTS ROOM_USES)
    gkm_room_target(used ${room})
    target_link_libraries(${target} PUBLIC ${used})
  endforeach()
  foreach(room IN LISTS ROOM_USES_INSIDE)
    gkm_room_target(used ${room})
    target_link_libraries(${target} PRIVATE ${used})
  endforeach()
  foreach(room IN LISTS ROOM_IMPLEMENTS)
    gkm_room_target(used ${room})
    target_link_libraries(${target} PUBLIC ${used}_ports)
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LINKS} PRIVATE ${ROOM_LINKS_INSIDE})
  if(ROOM_PCH)
    target_precompile_headers(${target} REUSE_FROM gkm_precompiled_${ROOM_PCH})
    if(ROOM_PCH STREQUAL "std")
      target_compile_definitions(${target} PRIVATE ${GKM_STD_DEFINITIONS})
    endif()
  endif()
  set_property(GLOBAL APPEND PROPERTY GKM_ROOMS ${folder})
  gkm_check_headers(${target} ${headers})
endfunction()

# gkm_include_root(<out> <name> header...): a folder through which these headers are found, and no others.
function(gkm_include_root out name)
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  file(GLOB_RECURSE old LIST_DIRECTORIES false ${root}/*)
  foreach(header IN LISTS ARGN)
    list(REMOVE_ITEM old ${root}/${header})
    if(NOT IS_SYMLINK ${root}/${header})
      get_filename_component(parent ${root}/${header} DIRECTORY)
      file(MAKE_DIRECTORY ${parent})
      file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${header} ${root}/${header} SYMBOLIC)
    endif()
  endforeach()
  if(old)
    file(REMOVE ${old})
  endif()
  set(${out} ${root} PARENT_SCOPE)
endfunction()

function(gkm_room_target out folder)
  string(REPLACE "/" "_" name ${folder})
  set(${out} gkm_${name} PARENT_SCOPE)
endfunction()
