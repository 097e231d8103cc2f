/* The host: keeps a database folder and serves one owner over a pair of file descriptors.
 *
 * It holds ciphertexts, public metadata and an evaluation key. Nothing in this archive decrypts,
 * generates or unwraps a key.
 */
#ifndef AMATERS_HOST_H
#define AMATERS_HOST_H

#include <amaters/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amt_host_options {
	const char *database; /* folder; made if it does not exist */
	unsigned threads;     /* for computing; 0: one for each core */

	/* A folder (made if it does not exist) for the evaluation key in its expanded form, some 115
	 * MB: the first host that needs it writes it there, all others map the file, share its
	 * memory and can answer at once. Files that do not fit are made anew; those of keys that
	 * are no longer used may be deleted at any time. NULL: none. */
	const char *key_cache;

	/* What happens, one line at a time without a line break; NULL: nothing is said. Called on
	 * the serving thread. Lines never hold anything an owner sent encrypted. */
	void (*log)(void *context, const char *line);
	void *log_context;
} amt_host_options;

/* Serves requests from in_fd, writes replies to out_fd (they may be one socket) until the owner
 * says goodbye or the input ends, then closes the database and returns success. The descriptors
 * stay the caller's. Everything acknowledged to the owner is on disk before the acknowledgement.
 *
 * A request that fails is answered and does not end the service; a message that is not of the
 * protocol does (AMT_PROTOCOL). Errors besides: AMT_LOCKED (another host has the folder open),
 * AMT_CORRUPTION, AMT_UNKNOWN_VERSION (the folder), AMT_IO, AMT_OUT_OF_MEMORY. One thread; several
 * services with different folders may run at once. */
amt_status amt_host_serve(const amt_host_options *options, int in_fd, int out_fd);

#ifdef __cplusplus
}
#endif
#endif
