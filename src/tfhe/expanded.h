/* An expanded evaluation key as one region of memory, which may be a file that several processes map
 * (os/map.h). The file belongs to one machine and one version of the program: it is made anew
 * whenever it does not fit, and nobody exchanges it. docs/formats.md has the layout.
 *
 *	0	 wire header (crypto/wire.h), WIRE_EXPANDED_KEY
 *	64	 layout number, instruction set, sum of the evaluation key it was made from, part sizes
 *	4096	 bootstrap key, automorphism keys, key-switch key, each at the start of a page
 *
 * The checksum finds damage. Whoever may write the folder may make the host compute nonsense, as with
 * every other file of the host's; it cannot read anything by that.
 */
#ifndef TFHE_EXPANDED_H
#define TFHE_EXPANDED_H

#include "os/cpu.h"
#include "os/io.h"
#include "os/map.h"
#include "tfhe/evaluation_key.h"

enum { EXPANDED_HEAD_BYTES = 4096 };

struct expanded {
	size_t part[PARTS]; /* where it begins */
	size_t part_bytes[PARTS];
	size_t bytes;	 /* of the region */
	uint8_t *memory; /* read-only if it is mapped */
	struct map map;
};

/* What a region is made for. */
struct expanded_name {
	const struct tfhe_params *params;
	enum isa isa;
	uint8_t key_id[16];
	uint64_t key_sum; /* XXH3-64 of the serialised evaluation key */
};

/* Offsets and sizes; memory NULL. */
struct expanded expanded_layout(const struct tfhe_params *p, enum isa isa);
/* Fills the first EXPANDED_HEAD_BYTES, once all parts are there. */
void expanded_seal(struct expanded *x, const struct expanded_name *name);
/* AMT_CORRUPTION, AMT_TRUNCATED, AMT_UNKNOWN_VERSION, AMT_WRONG_KEY or AMT_FOREIGN_PARAMETERS unless
 * the bytes are a whole region of that name. */
amt_status expanded_check(
	const struct expanded *x, const struct expanded_name *name, struct span bytes);

/* Whose turn it is to make a file; zero-initialise. */
struct expanded_turn {
	struct io *io;
	struct io_file *lock;
};

/* Maps the file of this name in the folder (made if needed) if it is there and good: true. Else it is
 * for the caller to make; while it does, others that want the same wait here, at most a minute. The
 * turn ends with expanded_turn_end in any case. */
bool expanded_find(struct expanded *x, const char *folder, const struct expanded_name *name,
	struct expanded_turn *turn);
/* Writes a sealed region to the folder and maps it in place of its memory, which is freed. On failure
 * (nobody's turn, no room on the disk, ...) the region stays as it is. */
amt_status expanded_share(struct expanded *x, const char *folder, const struct expanded_name *name,
	struct expanded_turn *turn);
/* Removes the files of a key from the folder, whatever processor they are for. Processes that map one
 * keep it until they end. */
amt_status expanded_remove(const char *folder, const uint8_t key_id[16]);
void expanded_turn_end(struct expanded_turn *turn);
void expanded_free(struct expanded *x);

#endif
