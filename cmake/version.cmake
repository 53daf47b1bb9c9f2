# `gkm --version` shows what git calls this tree. Asked at build time, so that a commit needs no re-configure.
set(GKM_VERSION_SOURCE ${CMAKE_BINARY_DIR}/version.cpp)
add_custom_target(gkm_git_version
  COMMAND ${CMAKE_COMMAND} -DOUT=${GKM_VERSION_SOURCE} -DSOURCE=${CMAKE_SOURCE_DIR}
          -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake
  BYPRODUCTS ${GKM_VERSION_SOURCE}
  COMMENT "Asking git for the version")
