/* Which amaters this is. */
#ifndef AMATERS_VERSION_H
#define AMATERS_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define AMT_VERSION_MAJOR 0
#define AMT_VERSION_MINOR 1
#define AMT_VERSION_PATCH 0
#define AMT_VERSION_TEXT "0.1.0"

/* The version of the archive that was linked, "0.1.0": compare it with AMT_VERSION_TEXT. */
const char *amt_version(void);

/* The instruction set the kernels chose on this machine: "portable", "avx2" or "avx512"
 * (AMT_ISA in the environment caps it). */
const char *amt_version_isa(void);

#ifdef __cplusplus
}
#endif
#endif
