/* The end of a key: its evaluation keys leave the host, and nothing is computed or taken in any more.
 * What is stored stays readable for who has the secret key. */
#include "engine/host.h"

#include "base/alloc.h"
#include "tfhe/expanded.h"

static const struct span revoked_key = {(const uint8_t *)"R", 1};
static const struct span evaluation_key = {(const uint8_t *)HOST_EVALUATION_KEY, 1};

amt_status host_need_key(const struct host *h)
{
	ENSURE(!h->revoked, AMT_NOT_FOUND,
		"the key of this database is revoked: its evaluation keys are deleted, and "
		"nothing is computed or taken in any more");
	return STATUS_OK;
}

static amt_status put_record(struct store_batch *batch, bool pending)
{
	const uint8_t record = pending;
	return store_batch_put(batch, revoked_key, span_of(&record, 1));
}

static amt_status fill(struct host *h, struct store_batch *batch)
{
	TRY(put_record(batch, true));
	TRY(store_batch_delete(batch, evaluation_key));
	return host_batch_remove_keys(h, batch);
}

/* From here on no other start of the host finds the keys. */
static amt_status forget(struct host *h)
{
	struct store_batch *batch;
	TRY(store_batch_new(&batch));
	amt_status s = fill(h, batch);
	enum host_outcome outcome = HOST_NOT_WRITTEN;
	if (amt_ok(s)) {
		s = store_write(h->store, batch);
		outcome = amt_ok(s) ? HOST_WRITTEN : HOST_UNKNOWN;
	}
	store_batch_free(batch);
	host_segments_after(h, outcome);
	return s;
}

/* The bytes too. */
static amt_status erase(struct host *h)
{
	TRY(store_erase(h->store));
	struct store_batch *batch;
	TRY(store_batch_new(&batch));
	amt_status s = put_record(batch, false);
	if (amt_ok(s))
		s = store_write(h->store, batch);
	store_batch_free(batch);
	return s;
}

amt_status host_load_revoked(struct host *h)
{
	struct buf record = {0};
	amt_status s = store_get(h->store, NULL, revoked_key, &record);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		return s;
	}
	bool pending = amt_ok(s) && (record.size != 1 || record.data[0] != 0);
	buf_free(&record);
	TRY(s);
	h->revoked = true;
	return pending ? erase(h) : STATUS_OK;
}

amt_status host_revoke(struct host *h, const struct message *m)
{
	TRY(host_need_database(h));
	ENSURE(memcmp(m->key_id, h->key_id, sizeof(h->key_id)) == 0, AMT_WRONG_KEY,
		"the database belongs to another key");
	h->revoked = true;
	int_context_free(h->integers);
	tfhe_evaluator_free(h->evaluator);
	h->integers = NULL;
	h->evaluator = NULL;
	host_rings_free(h);
	if (h->key_cache != NULL)
		TRY(expanded_remove(h->key_cache, h->key_id));
	TRY(forget(h));
	TRY(erase(h));
	host_log(h, "the key is revoked, its evaluation keys are deleted");
	struct message ok = {.type = REPLY_OK};
	return channel_send(&h->channel, &ok);
}
