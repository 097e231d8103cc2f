#include "store/segment.h"

#include "base/alloc.h"
#include "store/checksum.h"

#include <pthread.h>
#include <stdio.h>

#define SEGMENT_MAGIC 0x314d474553544d41u /* "AMTSEGM1" read as little-endian */
enum { SEGMENT_VERSION = 1, BLOCK = SEGMENT_BLOCK_BYTES, WRITE_AT_ONCE = 2 << 20 };
#define SEGMENT_MAX_BYTES ((uint64_t)1 << 40)

enum name_kind { NAME_OTHER, NAME_SEGMENT, NAME_UNFINISHED };

static amt_status path_of(char **out, const char *folder, uint64_t number, const char *suffix)
{
	char name[48];
	(void)snprintf(name, sizeof(name), "%06llu.segment%s", (unsigned long long)number, suffix);
	return io_path(out, folder, name);
}

/* A block's checksum begins with its bytes and ends with where they belong. */
static uint32_t place_checksum(uint32_t crc, uint64_t number, uint64_t offset)
{
	uint8_t place[16];
	store_u64(place, number);
	store_u64(place + 8, offset);
	return crc32c(crc, place, sizeof(place));
}

static uint64_t blocks_of(uint64_t length)
{
	return (length + BLOCK - 1) / BLOCK;
}

/* ---- writing */

struct segment_writer {
	struct io *io;
	struct io_file *file;
	char *temporary, *path;
	uint64_t number, length;
	uint32_t crc; /* of the block that is not full yet */
	/* WRITE_AT_ONCE bytes each, the second once it is needed: one is filled while the other is
	 * written, by a thread that starts with the first full one. */
	uint8_t *piece[2];
	unsigned filled; /* the one with the last bytes, not written yet */
	size_t kept;	 /* how many those are */
	struct buf checksums;
	bool finished, failed;
	bool apart; /* there is the thread */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool writing, stop; /* writing: the piece that is not `filled` is the thread's */
	uint64_t offset;    /* where to */
	amt_status status;
};

amt_status segment_writer_new(
	struct segment_writer **out, struct io *io, const char *folder, uint64_t number)
{
	struct segment_writer *w;
	TRY(mem_zalloc(&w, sizeof(*w)));
	w->io = io;
	w->number = number;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	amt_status s = path_of(&w->temporary, folder, number, ".tmp");
	if (amt_ok(s))
		s = path_of(&w->path, folder, number, "");
	if (amt_ok(s))
		s = mem_alloc_aligned(&w->piece[0], WRITE_AT_ONCE);
	if (amt_ok(s))
		s = io_open(io, w->temporary, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | IO_DIRECT,
			&w->file);
	if (!amt_ok(s)) {
		w->finished = true; /* there is no file */
		segment_writer_free(w);
		return s;
	}
	*out = w;
	return s;
}

static void end_thread(struct segment_writer *w)
{
	if (!w->apart)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
}

void segment_writer_free(struct segment_writer *w)
{
	if (w == NULL)
		return;
	end_thread(w);
	status_drop(w->status);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	io_close(w->file);
	if (!w->finished)
		status_drop(io_remove(w->io, w->temporary));
	for (unsigned i = 0; i < 2; i++)
		mem_free_aligned(w->piece[i], WRITE_AT_ONCE);
	buf_free(&w->checksums);
	mem_free(w->temporary);
	mem_free(w->path);
	mem_free(w);
}

uint64_t segment_writer_length(const struct segment_writer *w)
{
	return w->length;
}

static amt_status end_block(struct segment_writer *w)
{
	uint64_t start = (w->length - 1) / BLOCK * BLOCK;
	TRY(buf_put_u32(&w->checksums, place_checksum(w->crc, w->number, start)));
	w->crc = 0;
	return STATUS_OK;
}

static amt_status checksum_bytes(struct segment_writer *w, struct span bytes)
{
	while (bytes.size > 0) {
		size_t left = BLOCK - (size_t)(w->length % BLOCK);
		size_t n = bytes.size < left ? bytes.size : left;
		w->crc = crc32c(w->crc, bytes.data, n);
		w->length += n;
		bytes = span_of(bytes.data + n, bytes.size - n);
		if (n == left)
			TRY(end_block(w));
	}
	return STATUS_OK;
}

static void *write_pieces(void *context)
{
	struct segment_writer *w = context;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->writing && !w->stop)
			pthread_cond_wait(&w->changed, &w->lock);
		if (!w->writing)
			break;
		const struct span piece = span_of(w->piece[!w->filled], WRITE_AT_ONCE);
		uint64_t offset = w->offset;
		pthread_mutex_unlock(&w->lock);
		amt_status s = io_write(w->file, offset, &piece, 1);
		pthread_mutex_lock(&w->lock);
		w->status = s;
		w->writing = false;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* For what is being written; how that went. */
static amt_status wait_for_piece(struct segment_writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->writing)
		pthread_cond_wait(&w->changed, &w->lock);
	amt_status s = w->status;
	w->status = STATUS_OK;
	pthread_mutex_unlock(&w->lock);
	w->failed |= !amt_ok(s);
	return s;
}

/* The piece is full: the bytes up to `end`. */
static amt_status hand_over(struct segment_writer *w, uint64_t end)
{
	TRY(wait_for_piece(w));
	if (w->piece[!w->filled] == NULL)
		TRY(mem_alloc_aligned(&w->piece[!w->filled], WRITE_AT_ONCE));
	if (!w->apart) {
		int error = pthread_create(&w->thread, NULL, write_pieces, w);
		if (error != 0)
			return status_new(AMT_OUT_OF_MEMORY, error, __FILE__, __LINE__,
				"cannot start a thread that writes");
		w->apart = true;
	}
	pthread_mutex_lock(&w->lock);
	w->filled = !w->filled;
	w->offset = end - WRITE_AT_ONCE;
	w->writing = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	w->kept = 0;
	return STATUS_OK;
}

/* Pages are larger than what a cache should be asked to keep, and written once: they go to the disk
 * piece by piece, past the file cache, at offsets and from memory that allow it. */
amt_status segment_append(struct segment_writer *w, struct span bytes)
{
	ENSURE(!w->failed, AMT_IO, "%s could not be written before", w->path);
	ENSURE(bytes.size <= SEGMENT_MAX_BYTES - w->length, AMT_LIMIT, "a segment is too long");
	TRY(checksum_bytes(w, bytes));
	while (bytes.size > 0) {
		size_t room = WRITE_AT_ONCE - w->kept;
		size_t n = bytes.size < room ? bytes.size : room;
		memcpy(w->piece[w->filled] + w->kept, bytes.data, n);
		w->kept += n;
		bytes = span_of(bytes.data + n, bytes.size - n);
		if (n == room)
			TRY(hand_over(w, w->length - bytes.size));
	}
	return STATUS_OK;
}

static amt_status put_footer(struct segment_writer *w)
{
	uint8_t footer[SEGMENT_FOOTER_BYTES] = {0};
	store_u64(footer, SEGMENT_MAGIC);
	store_u32(footer + 8, SEGMENT_VERSION);
	store_u64(footer + 16, w->number);
	store_u64(footer + 24, w->length);
	store_u32(footer + 32, BLOCK);
	store_u32(footer + 36, crc32c(0, w->checksums.data, w->checksums.size));
	store_u32(footer + 12, crc32c(0, footer, sizeof(footer)));
	const struct span parts[] = {span_of(w->piece[w->filled], w->kept), buf_span(&w->checksums),
		span_of(footer, sizeof(footer))};
	return io_write(w->file, w->length - w->kept, parts, 3);
}

amt_status segment_finish(struct segment_writer *w)
{
	ENSURE(!w->finished, AMT_INTERNAL, "%s is finished already", w->path);
	ENSURE(!w->failed, AMT_IO, "%s could not be written before", w->path);
	TRY(wait_for_piece(w));
	if (w->length % BLOCK != 0)
		TRY(end_block(w));
	TRY(put_footer(w));
	TRY(io_sync(w->file));
	TRY(io_rename(w->io, w->temporary, w->path));
	w->finished = true;
	return STATUS_OK;
}

/* ---- reading */

struct segment {
	struct io_file *file;
	uint64_t number, length;
	uint8_t *checksums; /* 4 bytes a block */
};

static amt_status read_footer(struct segment *s, uint32_t *checksums_crc)
{
	uint8_t footer[SEGMENT_FOOTER_BYTES];
	uint64_t size;
	const char *path = s->file->path;
	TRY(io_size(s->file, &size));
	ENSURE(size >= sizeof(footer), AMT_TRUNCATED, "%s: %llu bytes", path,
		(unsigned long long)size);
	TRY(io_read_exact(s->file, size - sizeof(footer), footer, sizeof(footer)));
	uint32_t crc = load_u32(footer + 12);
	ENSURE(load_u64(footer) == SEGMENT_MAGIC, AMT_CORRUPTION, "%s does not end as a segment",
		path);
	store_u32(footer + 12, 0);
	ENSURE(crc == crc32c(0, footer, sizeof(footer)), AMT_CORRUPTION, "%s: a damaged footer",
		path);
	ENSURE(load_u32(footer + 8) == SEGMENT_VERSION, AMT_UNKNOWN_VERSION,
		"%s is of format version %u", path, load_u32(footer + 8));
	s->length = load_u64(footer + 24);
	ENSURE(load_u64(footer + 16) == s->number && load_u32(footer + 32) == BLOCK &&
			s->length <= SEGMENT_MAX_BYTES,
		AMT_CORRUPTION, "%s is not the segment of its name", path);
	ENSURE(size == s->length + 4 * blocks_of(s->length) + sizeof(footer), AMT_CORRUPTION,
		"%s: %llu bytes", path, (unsigned long long)size);
	*checksums_crc = load_u32(footer + 36);
	return STATUS_OK;
}

static amt_status load(struct segment *s)
{
	uint32_t crc;
	TRY(read_footer(s, &crc));
	size_t bytes = 4 * (size_t)blocks_of(s->length);
	TRY(mem_alloc(&s->checksums, bytes));
	TRY(io_read_exact(s->file, s->length, s->checksums, bytes));
	ENSURE(crc == crc32c(0, s->checksums, bytes), AMT_CORRUPTION, "%s: damaged checksums",
		s->file->path);
	return STATUS_OK;
}

amt_status segment_open(struct segment **out, struct io *io, const char *folder, uint64_t number)
{
	struct segment *s;
	char *path;
	TRY(path_of(&path, folder, number, ""));
	amt_status st = mem_zalloc(&s, sizeof(*s));
	if (amt_ok(st)) {
		s->number = number;
		st = io_open(io, path, IO_READ, &s->file);
		if (amt_ok(st))
			st = load(s);
		if (amt_ok(st))
			*out = s;
		else
			segment_close(s);
	}
	mem_free(path);
	return st;
}

void segment_close(struct segment *s)
{
	if (s == NULL)
		return;
	io_close(s->file);
	mem_free(s->checksums);
	mem_free(s);
}

uint64_t segment_length(const struct segment *s)
{
	return s->length;
}

void segment_will_read(const struct segment *s, uint64_t offset, uint64_t size)
{
	io_will_read(s->file, offset, size);
}

static amt_status verify(const struct segment *s, uint64_t block, uint32_t crc)
{
	ENSURE(place_checksum(crc, s->number, block * BLOCK) == load_u32(s->checksums + 4 * block),
		AMT_CORRUPTION, "%s: damage at %llu", s->file->path,
		(unsigned long long)(block * BLOCK));
	return STATUS_OK;
}

/* Wanted is [offset, offset + size) of which data is the place; what the first and the last block
 * hold besides is read only to be checked. */
static amt_status check_blocks(
	const struct segment *s, uint64_t offset, const uint8_t *data, size_t size, uint8_t *rest)
{
	uint64_t end = offset + size;
	for (uint64_t block = offset / BLOCK; block * BLOCK < end; block++) {
		uint64_t from = block * BLOCK;
		uint64_t to = s->length - from < BLOCK ? s->length : from + BLOCK;
		uint64_t first = from > offset ? from : offset, last = to < end ? to : end;
		size_t before = (size_t)(first - from), after = (size_t)(to - last);
		uint32_t crc = 0;
		if (before > 0)
			TRY(io_read_exact(s->file, from, rest, before));
		crc = crc32c(crc, rest, before);
		crc = crc32c(crc, data + (first - offset), (size_t)(last - first));
		if (after > 0)
			TRY(io_read_exact(s->file, last, rest, after));
		crc = crc32c(crc, rest, after);
		TRY(verify(s, block, crc));
	}
	return STATUS_OK;
}

amt_status segment_read(const struct segment *s, uint64_t offset, void *out, size_t size)
{
	ENSURE(offset <= s->length && size <= s->length - offset, AMT_OUT_OF_RANGE,
		"%s: %zu bytes at %llu of %llu", s->file->path, size, (unsigned long long)offset,
		(unsigned long long)s->length);
	if (size == 0)
		return STATUS_OK;
	TRY(io_read_exact(s->file, offset, out, size));
	uint8_t rest[BLOCK];
	return check_blocks(s, offset, out, size, rest);
}

/* ---- the folder */

amt_status segments_sync(struct io *io, const char *folder)
{
	return io_sync_folder(io, folder);
}

amt_status segment_remove(struct io *io, const char *folder, uint64_t number)
{
	char *path;
	TRY(path_of(&path, folder, number, ""));
	amt_status s = io_remove(io, path);
	mem_free(path);
	return s;
}

static enum name_kind parse(const char *name, uint64_t *number)
{
	const char *at = name;
	*number = 0;
	for (; *at >= '0' && *at <= '9' && at - name < 18; at++)
		*number = *number * 10 + (uint64_t)(*at - '0');
	if (at - name < 6)
		return NAME_OTHER;
	if (strcmp(at, ".segment") == 0)
		return NAME_SEGMENT;
	return strcmp(at, ".segment.tmp") == 0 ? NAME_UNFINISHED : NAME_OTHER;
}

static bool is_live(const uint64_t *live, size_t count, uint64_t number)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (live[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && live[low] == number;
}

amt_status segments_sweep(
	struct io *io, const char *folder, const uint64_t *live, size_t count, uint64_t *next)
{
	struct io_names names;
	*next = count > 0 ? live[count - 1] + 1 : 1;
	TRY(io_list(io, folder, &names));
	for (size_t i = 0; i < names.count; i++) {
		uint64_t number;
		char *path;
		enum name_kind kind = parse(names.names[i], &number);
		if (kind == NAME_OTHER)
			continue;
		if (number >= *next)
			*next = number + 1;
		if (kind == NAME_SEGMENT && is_live(live, count, number))
			continue;
		amt_status s = io_path(&path, folder, names.names[i]);
		if (amt_ok(s)) {
			s = io_remove(io, path);
			mem_free(path);
		}
		amt_status_clear(&s);
	}
	io_names_free(&names);
	return STATUS_OK;
}
