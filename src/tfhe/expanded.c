#include "tfhe/expanded.h"

#include "base/alloc.h"
#include "crypto/wire.h"
#include "os/clock.h"
#include "tfhe/kernel.h"

#include <stdio.h>

enum {
	AT_LAYOUT = WIRE_HEADER_BYTES,
	AT_ISA = AT_LAYOUT + 8,
	AT_KEY_SUM = AT_ISA + 8,
	AT_PART_BYTES = AT_KEY_SUM + 8,
	AT_ZERO = AT_PART_BYTES + 8 * PARTS,
	WAIT_MS = 20,
	WAITS = 60 * 1000 / WAIT_MS,
	NAME_BYTES = 64
};

static size_t page_up(size_t bytes)
{
	return (bytes + EXPANDED_HEAD_BYTES - 1) / EXPANDED_HEAD_BYTES * EXPANDED_HEAD_BYTES;
}

struct expanded expanded_layout(const struct tfhe_params *p, enum isa isa)
{
	struct expanded x = {
		.part_bytes = {[PART_BOOTSTRAP] = tfhe_bootstrap_key_bytes(p),
			[PART_KEYSWITCH] = tfhe_keyswitch_key_bytes(p, isa),
			[PART_AUTOMORPHISM] =
				((size_t)p->pbs_levels * p->k * (p->k + 1) * p->n_poly_log2
					<< p->n_poly_log2) *
				sizeof(double)}};
	x.bytes = EXPANDED_HEAD_BYTES;
	for (unsigned part = 0; part < PARTS; part++) {
		x.part[part] = x.bytes;
		x.bytes += page_up(x.part_bytes[part]);
	}
	return x;
}

/* Everything in the head but the wire header. */
static void describe(uint8_t head[EXPANDED_HEAD_BYTES], const struct expanded *x,
	const struct expanded_name *name)
{
	memset(head, 0, EXPANDED_HEAD_BYTES);
	store_u64(head + AT_LAYOUT, TFHE_KEY_LAYOUT);
	store_u64(head + AT_ISA, name->isa);
	store_u64(head + AT_KEY_SUM, name->key_sum);
	for (unsigned part = 0; part < PARTS; part++)
		store_u64(head + AT_PART_BYTES + 8 * part, x->part_bytes[part]);
}

void expanded_seal(struct expanded *x, const struct expanded_name *name)
{
	describe(x->memory, x, name);
	for (unsigned part = 0; part < PARTS; part++) {
		size_t end = x->part[part] + x->part_bytes[part];
		memset(x->memory + end, 0, page_up(end) - end);
	}
	struct wire_header header = {.type = WIRE_EXPANDED_KEY,
		.params = name->params->id,
		.created_us = clock_wall_us()};
	memcpy(header.key_id, name->key_id, sizeof(header.key_id));
	wire_head(x->memory, &header,
		span_of(x->memory + WIRE_HEADER_BYTES, x->bytes - WIRE_HEADER_BYTES));
}

amt_status expanded_check(
	const struct expanded *x, const struct expanded_name *name, struct span bytes)
{
	uint8_t head[EXPANDED_HEAD_BYTES];
	struct wire_header header;
	struct span content;
	ENSURE(bytes.size == x->bytes, AMT_TRUNCATED, "an expanded key of %zu bytes for %zu",
		bytes.size, x->bytes);
	/* What does not fit is seen before 100 MB are summed up. */
	describe(head, x, name);
	ENSURE(memcmp(head + AT_LAYOUT, bytes.data + AT_LAYOUT, AT_ZERO - AT_LAYOUT) == 0,
		AMT_UNKNOWN_VERSION, "an expanded key of another layout, processor or key");
	TRY(wire_get(bytes, WIRE_EXPANDED_KEY, &header, &content));
	return wire_expect(&header, name->key_id, name->params->id);
}

/* ---- files */

static void file_name(char out[NAME_BYTES], const struct expanded_name *name)
{
	for (size_t i = 0; i < sizeof(name->key_id); i++) {
		out[2 * i] = "0123456789abcdef"[name->key_id[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[name->key_id[i] & 15];
	}
	size_t at = 2 * sizeof(name->key_id);
	(void)snprintf(out + at, NAME_BYTES - at, "-%s.expanded", isa_name(name->isa));
}

static amt_status open_file(struct expanded *x, const char *path, const struct expanded_name *name)
{
	struct map map = {0};
	TRY(map_open(&map, path));
	amt_status s = expanded_check(x, name, span_of(map.data, map.size));
	if (!amt_ok(s)) {
		map_close(&map);
		return s;
	}
	x->map = map;
	x->memory = (uint8_t *)map.data;
	return STATUS_OK;
}

/* All that can go wrong here ends in a region of one's own, so nobody is told why. */
static bool find(struct expanded *x, const char *folder, const struct expanded_name *name,
	struct expanded_turn *turn, const char *path, const char *lock)
{
	amt_status s = io_posix_new(&turn->io);
	if (amt_ok(s))
		s = io_make_folder(turn->io, folder);
	amt_status_clear(&s);
	for (unsigned i = 0; turn->io != NULL && i < WAITS; i++) {
		s = open_file(x, path, name);
		if (amt_ok(s))
			return true;
		amt_status_clear(&s);
		if (turn->lock != NULL)
			return false;
		s = io_lock(turn->io, lock, &turn->lock);
		bool taken = amt_status_code(s) == AMT_LOCKED, mine = amt_ok(s);
		amt_status_clear(&s);
		if (!taken && !mine)
			return false;
		if (taken)
			clock_sleep_ms(WAIT_MS);
	}
	return false;
}

bool expanded_find(struct expanded *x, const char *folder, const struct expanded_name *name,
	struct expanded_turn *turn)
{
	char file[NAME_BYTES], *path = NULL, *lock = NULL;
	file_name(file, name);
	amt_status s = io_path(&path, folder, file);
	if (amt_ok(s))
		s = io_path(&lock, folder, "lock");
	bool found = amt_ok(s) && find(x, folder, name, turn, path, lock);
	amt_status_clear(&s);
	mem_free(path);
	mem_free(lock);
	return found;
}

/* Without waiting for the disk: a file that a crash leaves in pieces fails its check and is made anew.
 */
static amt_status write_file(
	struct io *io, const char *path, const char *temporary, struct span bytes)
{
	struct io_file *f;
	amt_status s = io_remove(io, temporary);
	if (amt_status_code(s) == AMT_NOT_FOUND)
		amt_status_clear(&s);
	TRY(s);
	TRY(io_open(io, temporary, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | IO_PRIVATE, &f));
	s = io_write(f, 0, &bytes, 1);
	io_close(f);
	if (amt_ok(s))
		s = io_rename(io, temporary, path);
	if (!amt_ok(s))
		status_drop(io_remove(io, temporary));
	return s;
}

amt_status expanded_share(struct expanded *x, const char *folder, const struct expanded_name *name,
	struct expanded_turn *turn)
{
	ENSURE(turn->lock != NULL, AMT_LOCKED, "%s is in use", folder);
	char file[NAME_BYTES], *path, *temporary = NULL;
	struct expanded mapped = *x;
	file_name(file, name);
	TRY(io_path(&path, folder, file));
	amt_status s = io_path(&temporary, folder, "new");
	if (amt_ok(s))
		s = write_file(turn->io, path, temporary, span_of(x->memory, x->bytes));
	if (amt_ok(s))
		s = open_file(&mapped, path, name);
	mem_free(temporary);
	mem_free(path);
	TRY(s);
	mem_free_aligned(x->memory, x->bytes);
	*x = mapped;
	return STATUS_OK;
}

amt_status expanded_remove(const char *folder, const uint8_t key_id[16])
{
	static const enum isa all[] = {ISA_PORTABLE, ISA_AVX2, ISA_AVX512};
	struct io *io;
	TRY(io_posix_new(&io));
	amt_status s = STATUS_OK;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && amt_ok(s); i++) {
		struct expanded_name name = {.isa = all[i]};
		char file[NAME_BYTES], *path = NULL;
		memcpy(name.key_id, key_id, sizeof(name.key_id));
		file_name(file, &name);
		s = io_path(&path, folder, file);
		if (amt_ok(s))
			s = io_remove(io, path);
		mem_free(path);
		if (amt_status_code(s) == AMT_NOT_FOUND)
			amt_status_clear(&s);
	}
	io_free(io);
	return s;
}

void expanded_turn_end(struct expanded_turn *turn)
{
	io_close(turn->lock);
	if (turn->io != NULL)
		io_free(turn->io);
	*turn = (struct expanded_turn){0};
}

void expanded_free(struct expanded *x)
{
	if (x->map.size > 0)
		map_close(&x->map);
	else
		mem_free_aligned(x->memory, x->bytes);
	x->memory = NULL;
}
