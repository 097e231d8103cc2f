/* amaters: an encrypted database kernel.
 *
 * Two roles that never mix. The *owner* holds the keys: it writes SQL, encrypts rows and constants,
 * decrypts answers (owner.h, archive libamaters_owner). The *host* holds ciphertexts and an
 * evaluation key: it stores, computes, and cannot read (host.h, archive libamaters_host).
 *
 * Every fallible function returns amt_status (status.h). No function writes to stdout or stderr,
 * exits or installs signal handlers. Options structs: zero means default. Strings are UTF-8 and
 * end with a zero byte. Destructors accept NULL.
 */
#ifndef AMATERS_AMATERS_H
#define AMATERS_AMATERS_H

#include <amaters/host.h>
#include <amaters/integer.h>
#include <amaters/key_store.h>
#include <amaters/owner.h>
#include <amaters/status.h>
#include <amaters/version.h>

#endif
