/* Reading the log: replay, and telling a torn end from corruption. The rules are in log.h. */
#include "store/log.h"

#include "base/alloc.h"
#include "store/log_format.h"

enum { WINDOW = 1 << 18 };

struct log_reader {
	struct io_file *file;
	uint64_t size;
	uint64_t incarnation;
	uint64_t start; /* file offset of window.data[0] */
	struct buf window;
};

struct frame {
	uint64_t durable;
	uint32_t type;
	struct span payload; /* in the window: borrowed until the next load */
	uint64_t next;	     /* offset of the frame after it */
};

/* *out = size bytes at offset, which lie in the file; borrowed until the next load. */
static amt_status load(struct log_reader *r, uint64_t offset, size_t size, const uint8_t **out)
{
	if (offset < r->start || offset + size > r->start + r->window.size) {
		size_t wanted = size < WINDOW ? WINDOW : size;
		uint8_t *bytes;
		if (wanted > r->size - offset)
			wanted = (size_t)(r->size - offset);
		buf_clear(&r->window);
		TRY(buf_extend(&r->window, wanted, &bytes));
		r->start = offset;
		amt_status s = io_read_exact(r->file, offset, bytes, wanted);
		if (!amt_ok(s)) {
			buf_clear(&r->window);
			return s;
		}
	}
	*out = r->window.data + (offset - r->start);
	return STATUS_OK;
}

/* *whole tells whether a good frame of this incarnation starts at offset. */
static amt_status read_frame(struct log_reader *r, uint64_t offset, bool *whole, struct frame *out)
{
	const uint8_t *h;
	*whole = false;
	if (r->size < FRAME_HEADER || offset > r->size - FRAME_HEADER)
		return STATUS_OK;
	TRY(load(r, offset, FRAME_HEADER, &h));
	uint32_t length = load_u32(h + 4), type = load_u32(h + 24);
	if (load_u64(h + 8) != r->incarnation || type < FRAME_HEADER_TYPE || type > FRAME_END ||
		length > FRAME_MAX_PAYLOAD || length > r->size - FRAME_HEADER - offset)
		return STATUS_OK;
	TRY(load(r, offset, FRAME_HEADER + (size_t)length, &h));
	struct span payload = span_of(h + FRAME_HEADER, length);
	if (frame_checksum(h, payload) != load_u32(h))
		return STATUS_OK;
	*whole = true;
	*out = (struct frame){load_u64(h + 16), type, payload,
		offset + FRAME_HEADER + ((uint64_t)length + 7) / 8 * 8};
	return STATUS_OK;
}

/* Whether some whole frame after offset says that `sequence` was on disk when it was written. */
static amt_status was_durable(struct log_reader *r, uint64_t offset, uint64_t sequence, bool *out)
{
	*out = false;
	for (offset += 8; r->size >= FRAME_HEADER && offset <= r->size - FRAME_HEADER;
		offset += 8) {
		const uint8_t *h;
		bool whole;
		struct frame f;
		TRY(load(r, offset, FRAME_HEADER, &h));
		if (load_u64(h + 8) != r->incarnation || load_u64(h + 16) < sequence)
			continue;
		TRY(read_frame(r, offset, &whole, &f));
		if (whole) {
			*out = true;
			break;
		}
	}
	return STATUS_OK;
}

static amt_status open_reader(
	struct log_reader *r, struct io *io, const char *folder, uint64_t store_id, uint64_t number)
{
	char *path;
	*r = (struct log_reader){.incarnation = log_incarnation(store_id, number)};
	TRY(log_path(&path, folder, number));
	amt_status s = io_open(io, path, IO_READ, &r->file);
	mem_free(path);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		s = ERROR(AMT_CORRUPTION, "log %llu is missing", (unsigned long long)number);
	}
	TRY(s);
	s = io_size(r->file, &r->size);
	if (!amt_ok(s))
		io_close(r->file);
	return s;
}

static void close_reader(struct log_reader *r)
{
	io_close(r->file);
	buf_free(&r->window);
}

static amt_status parse_header(struct log_reader *r, uint64_t store_id, uint64_t number,
	struct log_header *out, uint64_t *next)
{
	bool whole;
	struct frame f;
	TRY(read_frame(r, 0, &whole, &f));
	ENSURE(whole && f.type == FRAME_HEADER_TYPE && f.payload.size == LOG_HEADER_PAYLOAD,
		AMT_CORRUPTION, "%s: no log header", r->file->path);
	const uint8_t *p = f.payload.data;
	*out = (struct log_header){
		load_u64(p), load_u64(p + 8), load_u64(p + 16), load_u64(p + 24), load_u64(p + 32)};
	ENSURE(out->store_id == store_id && out->number == number && out->predecessor < number,
		AMT_CORRUPTION, "%s: the header of another log", r->file->path);
	*next = f.next;
	return STATUS_OK;
}

amt_status log_read_header(struct io *io, const char *folder, uint64_t store_id, uint64_t number,
	struct log_header *out)
{
	struct log_reader r;
	uint64_t next;
	TRY(open_reader(&r, io, folder, store_id, number));
	amt_status s = parse_header(&r, store_id, number, out, &next);
	close_reader(&r);
	return s;
}

amt_status log_has_frames(
	struct io *io, const char *folder, uint64_t store_id, uint64_t number, bool *out)
{
	struct log_reader r;
	const uint8_t *h;
	*out = false;
	TRY(open_reader(&r, io, folder, store_id, number));
	amt_status s = STATUS_OK;
	if (store_id == 0 && r.size >= FRAME_HEADER + LOG_HEADER_PAYLOAD) {
		s = load(&r, 0, FRAME_HEADER + LOG_HEADER_PAYLOAD, &h);
		if (amt_ok(s))
			r.incarnation = log_incarnation(load_u64(h + FRAME_HEADER), number);
	}
	if (amt_ok(s))
		s = was_durable(&r, 0, 0, out);
	close_reader(&r);
	return s;
}

static amt_status visit_batch(struct log_reader *r, const struct frame *f, log_visit visit,
	void *context, struct log_end *end)
{
	/* L1: the sequences of a log follow each other without a gap. */
	ENSURE(f->payload.size >= BATCH_HEADER && load_u32(f->payload.data + 8) > 0 &&
			load_u64(f->payload.data) == end->last_sequence + 1,
		AMT_CORRUPTION, "%s: a batch at %llu out of sequence", r->file->path,
		(unsigned long long)end->bytes);
	TRY(visit(context, f->payload));
	end->last_sequence += load_u32(f->payload.data + 8);
	end->batches++;
	return STATUS_OK;
}

static amt_status replay(struct log_reader *r, uint64_t store_id, uint64_t number,
	const struct log_header *successor, log_visit visit, void *context, struct log_end *end)
{
	struct log_header header;
	struct frame f;
	bool whole;
	TRY(parse_header(r, store_id, number, &header, &end->bytes));
	end->last_sequence = header.last_sequence;
	for (;;) {
		if (successor != NULL && end->bytes == successor->predecessor_bytes)
			break;
		TRY(read_frame(r, end->bytes, &whole, &f));
		if (!whole)
			break;
		ENSURE(f.type != FRAME_HEADER_TYPE, AMT_CORRUPTION, "%s: a second header at %llu",
			r->file->path, (unsigned long long)end->bytes);
		end->clean = f.type == FRAME_END;
		if (f.type == FRAME_BATCH)
			TRY(visit_batch(r, &f, visit, context, end));
		end->bytes = f.next;
	}
	if (successor != NULL) {
		/* L2: a log with a successor holds all that the successor says it holds. */
		ENSURE(end->bytes == successor->predecessor_bytes &&
				end->last_sequence == successor->last_sequence,
			AMT_CORRUPTION, "%s: damaged at %llu", r->file->path,
			(unsigned long long)end->bytes);
		return STATUS_OK;
	}
	/* L3: nothing that was known to be durable is cut off. */
	bool lost;
	TRY(was_durable(r, end->bytes, end->last_sequence + 1, &lost));
	ENSURE(!lost, AMT_CORRUPTION, "%s: damaged at %llu", r->file->path,
		(unsigned long long)end->bytes);
	return STATUS_OK;
}

amt_status log_replay(struct io *io, const char *folder, uint64_t store_id, uint64_t number,
	const struct log_header *successor, log_visit visit, void *context, struct log_end *end)
{
	struct log_reader r;
	*end = (struct log_end){0};
	TRY(open_reader(&r, io, folder, store_id, number));
	amt_status s = replay(&r, store_id, number, successor, visit, context, end);
	close_reader(&r);
	return s;
}
