#include "os/memory_fs.h"

#include "base/alloc.h"

void memory_node_ref(struct memory_node *n)
{
	n->references++;
}

void memory_node_unref(struct memory_node *n)
{
	if (--n->references > 0)
		return;
	buf_free(&n->bytes);
	buf_free(&n->durable);
	mem_free(n);
}

amt_status memory_node_resize(struct memory_node *n, uint64_t size)
{
	uint8_t *more;
	if (size > n->bytes.size) {
		size_t extra = (size_t)(size - n->bytes.size);
		TRY(buf_extend(&n->bytes, extra, &more));
		memset(more, 0, extra);
	}
	n->bytes.size = (size_t)size;
	return STATUS_OK;
}

amt_status memory_node_write(
	struct memory_node *n, uint64_t offset, const struct span *parts, size_t count)
{
	uint64_t end = offset;
	for (size_t i = 0; i < count; i++)
		end += parts[i].size;
	if (end > n->bytes.size)
		TRY(memory_node_resize(n, end));
	for (size_t i = 0; i < count; offset += parts[i++].size)
		if (parts[i].size > 0)
			memcpy(n->bytes.data + offset, parts[i].data, parts[i].size);
	return STATUS_OK;
}

size_t memory_node_read(const struct memory_node *n, uint64_t offset, void *data, size_t size)
{
	if (offset >= n->bytes.size)
		return 0;
	if (size > n->bytes.size - offset)
		size = (size_t)(n->bytes.size - offset);
	if (size > 0)
		memcpy(data, n->bytes.data + offset, size);
	return size;
}

static struct memory_name *find_name(const struct memory_fs *fs, const char *path)
{
	for (size_t i = 0; i < fs->count; i++)
		if (strcmp(fs->names[i].path, path) == 0)
			return &fs->names[i];
	return NULL;
}

struct memory_node *memory_find(const struct memory_fs *fs, const char *path)
{
	const struct memory_name *name = find_name(fs, path);
	return name != NULL ? name->node : NULL;
}

amt_status memory_link(struct memory_fs *fs, const char *path, struct memory_node *n)
{
	struct memory_name *name = find_name(fs, path);
	if (name == NULL) {
		char *copy;
		TRY(mem_grow(&fs->names, (fs->count + 1) * sizeof(*fs->names)));
		TRY(mem_strdup(&copy, path));
		memory_node_ref(n);
		fs->names[fs->count++] = (struct memory_name){copy, n};
		return STATUS_OK;
	}
	memory_node_ref(n);
	memory_node_unref(name->node);
	name->node = n;
	return STATUS_OK;
}

void memory_unlink(struct memory_fs *fs, const char *path)
{
	struct memory_name *name = find_name(fs, path);
	if (name == NULL)
		return;
	memory_node_unref(name->node);
	mem_free(name->path);
	*name = fs->names[--fs->count];
}

void memory_clear(struct memory_fs *fs)
{
	while (fs->count > 0)
		memory_unlink(fs, fs->names[fs->count - 1].path);
	mem_free(fs->names);
	*fs = (struct memory_fs){0};
}

size_t memory_parent(const char *path)
{
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] != '/')
		length--;
	while (length > 0 && path[length - 1] == '/')
		length--;
	return length;
}

bool memory_has_folder(const struct memory_fs *fs, const char *path, size_t length)
{
	while (length > 0 && path[length - 1] == '/')
		length--;
	if (length == 0 || (length == 1 && path[0] == '.'))
		return true;
	for (size_t i = 0; i < fs->count; i++) {
		const struct memory_name *name = &fs->names[i];
		if (name->node->is_folder && strlen(name->path) == length &&
			memcmp(name->path, path, length) == 0)
			return true;
	}
	return false;
}

static amt_status make_node(
	struct memory_fs *fs, const char *path, bool is_folder, struct memory_node **out)
{
	struct memory_node *n;
	TRY(mem_zalloc(&n, sizeof(*n)));
	n->references = 1;
	n->is_folder = is_folder;
	amt_status s = memory_link(fs, path, n);
	if (!amt_ok(s)) {
		memory_node_unref(n);
		return s;
	}
	*out = n;
	return s;
}

amt_status memory_open(struct memory_fs *fs, const char *path, unsigned flags,
	struct memory_node **out, bool *made)
{
	struct memory_node *n = memory_find(fs, path);
	*made = false;
	if (n != NULL) {
		ENSURE(!n->is_folder, AMT_IO, "open %s: a folder", path);
		ENSURE(!(flags & IO_EXCLUSIVE), AMT_ALREADY_EXISTS, "open %s", path);
		memory_node_ref(n);
		*out = n;
		return STATUS_OK;
	}
	ENSURE((flags & IO_CREATE) && memory_has_folder(fs, path, memory_parent(path)),
		AMT_NOT_FOUND, "open %s", path);
	*made = true;
	return make_node(fs, path, false, out);
}

amt_status memory_rename(struct memory_fs *fs, const char *from, const char *to)
{
	struct memory_node *n = memory_find(fs, from);
	ENSURE(n != NULL && memory_has_folder(fs, to, memory_parent(to)), AMT_NOT_FOUND,
		"rename %s", from);
	ENSURE(!n->is_folder, AMT_UNSUPPORTED, "rename %s: a folder", from);
	if (strcmp(from, to) == 0)
		return STATUS_OK;
	TRY(memory_link(fs, to, n));
	memory_unlink(fs, from);
	return STATUS_OK;
}

amt_status memory_remove(struct memory_fs *fs, const char *path)
{
	const struct memory_node *n = memory_find(fs, path);
	ENSURE(n != NULL, AMT_NOT_FOUND, "remove %s", path);
	ENSURE(!n->is_folder, AMT_IO, "remove %s: a folder", path);
	memory_unlink(fs, path);
	return STATUS_OK;
}

amt_status memory_make_folder(struct memory_fs *fs, const char *path)
{
	struct memory_node *n;
	ENSURE(memory_find(fs, path) == NULL && !memory_has_folder(fs, path, strlen(path)),
		AMT_ALREADY_EXISTS, "make folder %s", path);
	ENSURE(memory_has_folder(fs, path, memory_parent(path)), AMT_NOT_FOUND, "make folder %s",
		path);
	TRY(make_node(fs, path, true, &n));
	memory_node_unref(n);
	return STATUS_OK;
}

amt_status memory_list(const struct memory_fs *fs, const char *path, struct io_names *out)
{
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	ENSURE(memory_has_folder(fs, path, length), AMT_NOT_FOUND, "list %s", path);
	for (size_t i = 0; i < fs->count; i++) {
		const char *name = fs->names[i].path;
		if (memory_parent(name) == length && memcmp(name, path, length) == 0)
			TRY(io_names_add(out, name + length + (name[length] == '/')));
	}
	return STATUS_OK;
}
