/* Keys through the public interface, at 128 bits: key stores, writers, rotation, compression, and what
 * each of them refuses. */
#include "folder.h"

#include "amaters/amaters.h"

struct bytes {
	void *data;
	size_t size;
};

static void evaluation(const amt_key *key, struct bytes *out)
{
	OK(amt_int_evaluation_key(key, &out->data, &out->size));
}

static void a_store_in_a_folder(void **state)
{
	(void)state;
	char folder[FOLDER_BYTES], store_folder[40];
	char id[AMT_KEY_ID_TEXT], next[AMT_KEY_ID_TEXT], found[AMT_KEY_ID_TEXT];
	amt_key_store *s;
	amt_key *key, *same;
	folder_make(folder);
	(void)snprintf(store_folder, sizeof(store_folder), "%s/ks", folder);
	OK(amt_key_store_create(store_folder, "pass", 4));
	FAILS(AMT_ALREADY_EXISTS, amt_key_store_create(store_folder, "pass", 4));
	FAILS(AMT_WRONG_PASSPHRASE, amt_key_store_open(&s, store_folder, "word", 4, 0));
	OK(amt_key_store_change_passphrase(store_folder, "pass", 4, "word", 4));
	OK(amt_key_store_open(&s, store_folder, "word", 4, 0));
	FAILS(AMT_NOT_FOUND, amt_key_store_new_key(s, "anna", "T99", 0, id));
	OK(amt_key_store_new_key(s, "anna", NULL, 0, id));
	FAILS(AMT_CONFLICT, amt_key_store_key(s, &key, id, AMT_KEY_ENCRYPT));
	FAILS(AMT_INVALID_ARGUMENT, amt_key_store_key(s, &key, "12", AMT_KEY_ENCRYPT));
	OK(amt_key_store_activate(s, id, "first"));
	OK(amt_key_store_active(s, "anna", found));
	assert_string_equal(found, id);
	OK(amt_key_store_key(s, &key, id, AMT_KEY_ENCRYPT));
	OK(amt_key_store_key(s, &same, id, AMT_KEY_DECRYPT));
	assert_string_equal(amt_key_id(key), id);
	assert_string_equal(amt_key_parameters(key), "T2");
	amt_key_free(key);
	OK(amt_key_store_new_key(s, "anna", "T1", 0, next));
	OK(amt_key_store_rotate(s, id, next, NULL));
	amt_key_free(same);
	FAILS(AMT_INVALID_ARGUMENT, amt_key_store_expire(s, "0", NULL));
	FAILS(AMT_CONFLICT, amt_key_store_rotate(s, id, next, NULL));
	OK(amt_key_store_expire(s, id, NULL));
	OK(amt_key_store_revoke(s, next, "over"));
	amt_key_info *list;
	amt_key_event *events;
	size_t count;
	OK(amt_key_store_list(s, &list, &count));
	assert_int_equal(count, 2);
	assert_int_equal(list[0].state, AMT_KEY_EXPIRED);
	assert_int_equal(list[1].state, AMT_KEY_REVOKED);
	assert_string_equal(list[0].other, next);
	assert_string_equal(list[1].parameters, "T1");
	assert_string_equal(amt_key_state_name(list[1].state), "revoked");
	amt_key_store_free(list);
	OK(amt_key_store_audit(s, NULL, &events, &count));
	assert_int_equal(count, 7);
	char head[AMT_KEY_HEAD_TEXT];
	memcpy(head, events[4].head, sizeof(head));
	amt_key_store_free(events);
	OK(amt_key_store_audit(s, head, &events, &count));
	amt_key_store_free(events);
	head[0] = head[0] == '0' ? '1' : '0';
	FAILS(AMT_INTEGRITY, amt_key_store_audit(s, head, &events, &count));
	FAILS(AMT_INVALID_ARGUMENT, amt_key_store_audit(s, "xyz", &events, &count));
	amt_key_store_close(s);
	folder_remove(folder);
}

static void a_store_in_memory(void **state)
{
	(void)state;
	amt_key_store *s;
	amt_key *key;
	char id[AMT_KEY_ID_TEXT];
	OK(amt_key_store_open(&s, NULL, NULL, 0, 0));
	OK(amt_key_store_new_key(s, "anna", NULL, 1, id)); /* expired in 1970 */
	FAILS(AMT_CONFLICT, amt_key_store_activate(s, id, NULL));
	OK(amt_key_store_key(s, &key, id, AMT_KEY_DECRYPT));
	amt_key_free(key);
	amt_key_store_close(s);
	amt_key_store_close(NULL);
}

static void writers_hosts_and_rotation(void **state)
{
	(void)state;
	static const uint64_t values[] = {1, 0xffffffff, 123456};
	uint64_t got[3];
	amt_key *old_key, *new_key, *other_set;
	amt_public_key *writer;
	amt_int_host *old_host, *new_host;
	amt_int_array *array, *sum, *read, *rotated;
	struct bytes pub, list, compressed, rotation, old_eval, new_eval, plain;
	OK(amt_key_generate(&old_key, NULL));
	OK(amt_key_generate(&new_key, NULL));
	OK(amt_key_generate(&other_set, "T1"));
	evaluation(old_key, &old_eval);
	evaluation(new_key, &new_eval);
	OK(amt_int_host_new(&old_host, old_eval.data, old_eval.size, 0));
	OK(amt_int_host_open(&new_host, new_eval.data, new_eval.size, NULL, 0));
	OK(amt_int_public_key(old_key, &pub.data, &pub.size));
	OK(amt_public_key_read(&writer, pub.data, pub.size));
	assert_string_equal(amt_public_key_id(writer), amt_key_id(old_key));
	OK(amt_int_encrypt_public(&list.data, &list.size, writer, AMT_INT_U32, values, 3));
	FAILS(AMT_INVALID_ARGUMENT,
		amt_int_encrypt_public(&plain.data, &plain.size, writer, AMT_INT_U32, values, 0));
	OK(amt_int_ingest(old_host, &array, list.data, list.size));
	OK(amt_int_decrypt(old_key, array, got));
	assert_memory_equal(got, values, sizeof(values));

	/* Each thing in its place. */
	FAILS(AMT_WRONG_KEY, amt_int_ingest(new_host, &read, list.data, list.size));
	assert_null(read);
	FAILS(AMT_TYPE_MISMATCH, amt_int_ingest(old_host, &read, pub.data, pub.size));
	FAILS(AMT_TYPE_MISMATCH, amt_int_read(&read, list.data, list.size));
	amt_public_key *none;
	FAILS(AMT_TYPE_MISMATCH, amt_public_key_read(&none, list.data, list.size));
	assert_null(none);

	OK(amt_int_add(old_host, &sum, array, array));
	OK(amt_int_compress(old_host, sum, &compressed.data, &compressed.size));
	OK(amt_int_write(sum, &plain.data, &plain.size));
	print_message("3 x u32: %zu bytes, compressed %zu, from a writer %zu\n", plain.size,
		compressed.size, list.size);
	assert_true(compressed.size < 4000 && plain.size > 300000);
	OK(amt_int_read(&read, compressed.data, compressed.size));
	OK(amt_int_decrypt(old_key, read, got));
	for (size_t i = 0; i < 3; i++)
		assert_true(got[i] == (uint32_t)(2 * values[i]));
	FAILS(AMT_WRONG_KEY, amt_int_compress(new_host, read, &plain.data, &plain.size));

	FAILS(AMT_WRONG_KEY, amt_int_rotate(new_host, &rotated, read));
	FAILS(AMT_FOREIGN_PARAMETERS,
		amt_int_rotation_key(old_key, other_set, &rotation.data, &rotation.size));
	OK(amt_int_rotation_key(old_key, new_key, &rotation.data, &rotation.size));
	FAILS(AMT_WRONG_KEY, amt_int_host_accept(old_host, rotation.data, rotation.size));
	OK(amt_int_host_accept(new_host, rotation.data, rotation.size));
	OK(amt_int_rotate(new_host, &rotated, read));
	FAILS(AMT_WRONG_KEY, amt_int_decrypt(old_key, rotated, got));
	OK(amt_int_decrypt(new_key, rotated, got));
	for (size_t i = 0; i < 3; i++)
		assert_true(got[i] == (uint32_t)(2 * values[i]));
	assert_true(amt_int_host_bootstraps(new_host) == 48);
	print_message("public key %zu bytes, rotation key %zu\n", pub.size, rotation.size);

	void *all[] = {pub.data, list.data, compressed.data, rotation.data, old_eval.data,
		new_eval.data, plain.data};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		amt_int_bytes_free(all[i]);
	amt_int_array *arrays[] = {array, sum, read, rotated};
	for (size_t i = 0; i < 4; i++)
		amt_int_array_free(arrays[i]);
	amt_public_key_free(writer);
	amt_int_host_free(old_host);
	amt_int_host_free(new_host);
	amt_key_free(old_key);
	amt_key_free(new_key);
	amt_key_free(other_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_in_a_folder),
		cmocka_unit_test(a_store_in_memory),
		cmocka_unit_test(writers_hosts_and_rotation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
