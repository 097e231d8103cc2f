/* Writing the log. log_read.c reads it. */
#include "store/log.h"

#include "base/alloc.h"
#include "store/log_format.h"

struct log_writer {
	struct io_file *file;
	struct io *io;
	uint64_t incarnation;
	uint64_t offset;    /* of the next frame */
	uint64_t allocated; /* size of the file */
	size_t step;
	uint64_t written, durable; /* last sequence written, last one synced */
	size_t capacity;	   /* of the two below, in frames */
	uint8_t (*headers)[FRAME_HEADER];
	struct span *parts; /* 3 a frame */
};

amt_status log_path(char **out, const char *folder, uint64_t number)
{
	char name[32];
	return io_path(out, folder, log_name(name, number));
}

void log_remove(struct io *io, const char *folder, uint64_t number)
{
	char *path;
	amt_status s = log_path(&path, folder, number);
	if (amt_ok(s)) {
		s = io_remove(io, path);
		mem_free(path);
	}
	amt_status_clear(&s);
}

static amt_status append_frame(
	struct log_writer *w, enum frame_type type, const struct span *payloads, size_t count)
{
	static const uint8_t zero[8];
	uint64_t size = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t *h = w->headers[i];
		ENSURE(payloads[i].size <= FRAME_MAX_PAYLOAD, AMT_LIMIT, "a batch of %zu bytes",
			payloads[i].size);
		size_t padding = -payloads[i].size & 7;
		memset(h, 0, FRAME_HEADER);
		store_u32(h + 4, (uint32_t)payloads[i].size);
		store_u64(h + 8, w->incarnation);
		store_u64(h + 16, w->durable);
		store_u32(h + 24, type);
		store_u32(h, frame_checksum(h, payloads[i]));
		w->parts[3 * i] = span_of(h, FRAME_HEADER);
		w->parts[3 * i + 1] = payloads[i];
		w->parts[3 * i + 2] = span_of(zero, padding);
		size += FRAME_HEADER + payloads[i].size + padding;
	}
	if (w->offset + size > w->allocated && w->step > 0) {
		uint64_t wanted = (w->offset + size + w->step - 1) / w->step * w->step;
		amt_status s = io_preallocate(w->file, wanted);
		if (amt_ok(s))
			w->allocated = wanted;
		else if (amt_status_code(s) == AMT_DISK_FULL)
			amt_status_clear(&s); /* the frame itself may still fit */
		TRY(s);
	}
	TRY(io_write(w->file, w->offset, w->parts, 3 * count));
	w->offset += size;
	if (w->offset > w->allocated)
		w->allocated = w->offset;
	return STATUS_OK;
}

static amt_status start(struct log_writer *w, const char *folder, const char *path,
	const struct log_header *header, const char *recycle)
{
	uint8_t payload[LOG_HEADER_PAYLOAD];
	store_u64(payload, header->store_id);
	store_u64(payload + 8, header->number);
	store_u64(payload + 16, header->predecessor);
	store_u64(payload + 24, header->predecessor_bytes);
	store_u64(payload + 32, header->last_sequence);
	const struct span part = span_of(payload, sizeof(payload));
	TRY(log_reserve(w, 1));
	if (recycle != NULL) {
		TRY(io_rename(w->io, recycle, path));
		TRY(io_open(w->io, path, IO_WRITE, &w->file));
		TRY(io_size(w->file, &w->allocated));
	} else {
		TRY(io_open(w->io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &w->file));
	}
	TRY(append_frame(w, FRAME_HEADER_TYPE, &part, 1));
	TRY(io_sync(w->file));
	return io_sync_folder(w->io, folder);
}

amt_status log_create(struct log_writer **out, struct io *io, const char *folder,
	const struct log_header *header, const char *recycle, size_t step)
{
	struct log_writer *w;
	char *path;
	TRY(mem_zalloc(&w, sizeof(*w)));
	w->io = io;
	w->step = step;
	w->incarnation = log_incarnation(header->store_id, header->number);
	w->written = w->durable = header->last_sequence;
	amt_status s = log_path(&path, folder, header->number);
	if (amt_ok(s)) {
		s = start(w, folder, path, header, recycle);
		if (amt_ok(s)) {
			*out = w;
		} else { /* if this fails too, the next open removes it */
			log_free(w);
			status_drop(io_remove(io, path));
		}
		mem_free(path);
	} else {
		log_free(w);
	}
	return s;
}

void log_free(struct log_writer *w)
{
	if (w == NULL)
		return;
	io_close(w->file);
	mem_free(w->headers);
	mem_free(w->parts);
	mem_free(w);
}

amt_status log_reserve(struct log_writer *w, size_t count)
{
	if (count <= w->capacity)
		return STATUS_OK;
	size_t capacity = count < 16 ? 16 : count + count / 2;
	TRY(mem_grow(&w->headers, capacity * sizeof(*w->headers)));
	TRY(mem_grow(&w->parts, 3 * capacity * sizeof(*w->parts)));
	w->capacity = capacity;
	return STATUS_OK;
}

amt_status log_append(
	struct log_writer *w, const struct span *payloads, size_t count, uint64_t last_sequence)
{
	TRY(append_frame(w, FRAME_BATCH, payloads, count));
	w->written = last_sequence;
	return STATUS_OK;
}

amt_status log_sync(struct log_writer *w)
{
	TRY(io_sync(w->file));
	w->durable = w->written;
	return STATUS_OK;
}

amt_status log_finish(struct log_writer *w)
{
	const struct span nothing = span_of(NULL, 0);
	if (!log_is_synced(w))
		TRY(log_sync(w));
	TRY(append_frame(w, FRAME_END, &nothing, 1));
	TRY(io_truncate(w->file, w->offset));
	return log_sync(w);
}

uint64_t log_bytes(const struct log_writer *w)
{
	return w->offset;
}

bool log_is_synced(const struct log_writer *w)
{
	return w->durable == w->written;
}
