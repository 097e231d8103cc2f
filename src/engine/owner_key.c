/* Passphrases and keys. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "keys/key_file.h"
#include "keys/key_store.h"
#include "keys/passphrase.h"

struct amt_passphrase {
	struct passphrase inner;
};

/* Runs with the disk's I/O. */
static amt_status with_disk(amt_status (*body)(struct io *io, void *context), void *context)
{
	struct io *io;
	TRY(io_posix_new(&io));
	amt_status s = body(io, context);
	io_free(io);
	return s;
}

/* ---- passphrases */

struct reading {
	struct passphrase *out;
	const char *source, *prompt;
	bool confirm;
};

static amt_status read_with(struct io *io, void *context)
{
	struct reading *r = context;
	return passphrase_get(r->out, io, r->source, r->prompt, r->confirm);
}

amt_status amt_passphrase_read(
	amt_passphrase **out, const char *source, const char *prompt, bool confirm)
{
	ENSURE(out != NULL, AMT_INVALID_ARGUMENT, "nowhere to put the passphrase");
	struct amt_passphrase *p;
	TRY(mem_zalloc(&p, sizeof(*p)));
	struct reading r = {&p->inner, source, prompt != NULL ? prompt : "Passphrase: ", confirm};
	amt_status s = with_disk(read_with, &r);
	if (amt_ok(s))
		*out = p;
	else
		amt_passphrase_free(p);
	return s;
}

const void *amt_passphrase_bytes(const amt_passphrase *p)
{
	return p->inner.bytes;
}

size_t amt_passphrase_size(const amt_passphrase *p)
{
	return p->inner.size;
}

void amt_passphrase_free(amt_passphrase *p)
{
	if (p == NULL)
		return;
	passphrase_free(&p->inner);
	mem_free(p);
}

/* ---- keys */

const char *amt_parameters_name(size_t index)
{
	/* The default comes first, the others in their order. */
	if (index == 0)
		return tfhe_params_find(TFHE_DEFAULT_PARAMS)->name;
	const struct tfhe_params *p;
	for (size_t i = 0; (p = tfhe_params_at(i)) != NULL; i++)
		if (p->id != TFHE_DEFAULT_PARAMS && --index == 0)
			return p->name;
	return NULL;
}

static amt_status wrap(amt_key **out, const struct key_ring *ring)
{
	struct amt_key *key;
	TRY(mem_zalloc(&key, sizeof(*key)));
	key->ring = ring;
	key->params = tfhe_secret_params(key_ring_tfhe(ring));
	for (size_t i = 0; i < KEY_ID_BYTES; i++) {
		key->id[2 * i] = "0123456789abcdef"[key_ring_id(ring)[i] >> 4];
		key->id[2 * i + 1] = "0123456789abcdef"[key_ring_id(ring)[i] & 15];
	}
	*out = key;
	return STATUS_OK;
}

amt_status owner_key_wrap(amt_key **out, struct key_ring *ring)
{
	amt_status s = wrap(out, ring);
	if (amt_ok(s))
		(*out)->own = ring;
	else
		key_ring_free(ring);
	return s;
}

amt_status owner_key_wrap_stored(
	amt_key **out, struct key_store *store, const struct key_ring *ring)
{
	amt_status s = wrap(out, ring);
	if (amt_ok(s))
		(*out)->store = store;
	else
		key_store_give(store, ring);
	return s;
}

amt_status owner_parameters(const struct tfhe_params **out, const char *name)
{
	*out = tfhe_params_find(TFHE_DEFAULT_PARAMS);
	if (name == NULL)
		return STATUS_OK;
	for (size_t i = 0; (*out = tfhe_params_at(i)) != NULL; i++)
		if (strcmp((*out)->name, name) == 0)
			return STATUS_OK;
	FAIL(AMT_NOT_FOUND, "there is no parameter set %s", name);
}

amt_status amt_key_generate(amt_key **out, const char *parameters)
{
	const struct tfhe_params *params;
	struct key_ring *ring;
	TRY(owner_parameters(&params, parameters));
	TRY(key_ring_new(&ring, params));
	return owner_key_wrap(out, ring);
}

void amt_key_free(amt_key *key)
{
	if (key == NULL)
		return;
	if (key->store != NULL)
		key_store_give(key->store, key->ring);
	key_ring_free(key->own);
	mem_free(key);
}

const char *amt_key_id(const amt_key *key)
{
	return key->id;
}

const char *amt_key_parameters(const amt_key *key)
{
	return key->params->name;
}

/* ---- key files */

struct filing {
	const char *path;
	struct span passphrase, new_passphrase;
	const struct key_ring *save;
	struct key_ring *opened;
	bool overwrite;
	struct span bytes;
};

static amt_status save_with(struct io *io, void *context)
{
	struct filing *f = context;
	return key_file_create(io, f->path, f->save, f->passphrase, f->overwrite);
}

amt_status amt_key_save(const amt_key *key, const char *path, const void *passphrase,
	size_t passphrase_size, const amt_key_file_options *options)
{
	ENSURE(key != NULL && path != NULL && passphrase != NULL, AMT_INVALID_ARGUMENT,
		"a key, a path and a passphrase are needed");
	struct filing f = {.path = path,
		.passphrase = span_of(passphrase, passphrase_size),
		.save = key->ring,
		.overwrite = options != NULL && options->overwrite};
	return with_disk(save_with, &f);
}

static amt_status open_with(struct io *io, void *context)
{
	struct filing *f = context;
	return key_file_open(io, f->path, f->passphrase, &f->opened);
}

amt_status amt_key_open(
	amt_key **out, const char *path, const void *passphrase, size_t passphrase_size)
{
	ENSURE(out != NULL && path != NULL && passphrase != NULL, AMT_INVALID_ARGUMENT,
		"a path and a passphrase are needed");
	struct filing f = {.path = path, .passphrase = span_of(passphrase, passphrase_size)};
	TRY(with_disk(open_with, &f));
	return owner_key_wrap(out, f.opened);
}

static amt_status change_with(struct io *io, void *context)
{
	struct filing *f = context;
	return key_file_change_passphrase(io, f->path, f->passphrase, f->new_passphrase);
}

amt_status amt_key_change_passphrase(const char *path, const void *old_passphrase,
	size_t old_passphrase_size, const void *new_passphrase, size_t new_passphrase_size)
{
	ENSURE(path != NULL && old_passphrase != NULL && new_passphrase != NULL,
		AMT_INVALID_ARGUMENT, "a path and two passphrases are needed");
	struct filing f = {.path = path,
		.passphrase = span_of(old_passphrase, old_passphrase_size),
		.new_passphrase = span_of(new_passphrase, new_passphrase_size)};
	return with_disk(change_with, &f);
}

/* ---- evaluation keys */

struct making {
	amt_progress progress;
	void *context;
};

static bool making_progress(void *context, uint64_t done, uint64_t total)
{
	struct making *m = context;
	return m->progress == NULL ||
	       m->progress(m->context, "making the evaluation key", done, total);
}

amt_status owner_make_evaluation_key(
	const amt_key *key, amt_progress progress, void *context, struct buf *out)
{
	struct pool *pool;
	struct making m = {progress, context};
	TRY(pool_new(&pool, 0));
	amt_status s = tfhe_evaluation_key_generate(
		key_ring_tfhe(key->ring), pool, making_progress, &m, out);
	pool_free(pool);
	return s;
}

static amt_status write_with(struct io *io, void *context)
{
	struct filing *f = context;
	return io_write_file_atomic(io, f->path, f->bytes, 0);
}

amt_status amt_key_export_evaluation(
	const amt_key *key, const char *path, amt_progress progress, void *context)
{
	ENSURE(key != NULL && path != NULL, AMT_INVALID_ARGUMENT, "a key and a path are needed");
	struct buf bytes = {0};
	amt_status s = owner_make_evaluation_key(key, progress, context, &bytes);
	struct filing f = {.path = path, .bytes = buf_span(&bytes)};
	if (amt_ok(s))
		s = with_disk(write_with, &f);
	buf_free(&bytes);
	return s;
}
