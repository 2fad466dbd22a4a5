/* The record of an attempt: one map, the same in a file and on the socket. */
#include "nodes/pause/attempt.h"

#include "broker/base/mp.h"

bool pause_name_ok(struct span name)
{
	if (name.len == 0 || name.len > PAUSE_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		bool inner = c == '-' && i > 0 && i + 1 < name.len;
		if (!inner && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

void pause_attempt_write(const struct pause_attempt *a, const char *event, struct buf *out)
{
	mpw_map(out, 4u + (event ? 1 : 0) + (a->ended ? 3 : 0) + (a->error[0] ? 1 : 0) +
			 (a->oom ? 1 : 0) + (a->image[0] ? 1 : 0));
	if (event)
		mpw_kv_str(out, "event", event);
	mpw_kv_str(out, "name", a->name);
	mpw_kv_u64(out, "attempt", a->attempt);
	mpw_kv_i64(out, "pid", a->pid);
	mpw_kv_i64(out, "started_us", a->started_us);
	if (a->ended) {
		mpw_kv_i64(out, "code", a->code);
		mpw_kv_i64(out, "signal", a->signal);
		mpw_kv_i64(out, "finished_us", a->finished_us);
	}
	if (a->error[0])
		mpw_kv_str(out, "error", a->error);
	if (a->oom)
		mpw_kv_bool(out, "oom", true);
	if (a->image[0])
		mpw_kv_str(out, "image", a->image);
}

int pause_attempt_read(struct span map, struct pause_attempt *out, struct err *e)
{
	struct mp m = mp_of(map);
	struct span name = mp_path_str(m, "name"), error = mp_path_str(m, "error");
	struct span image = mp_path_str(m, "image");
	int64_t attempt = mp_path_int(m, "attempt", -1), pid = mp_path_int(m, "pid", -1);
	int64_t code = mp_path_int(m, "code", 0), signal = mp_path_int(m, "signal", 0);
	memset(out, 0, sizeof *out);
	if (!pause_name_ok(name))
		return err_set(e, ERR_INVALID, "attempt: name");
	if (attempt < 0 || attempt > UINT32_MAX)
		return err_set(e, ERR_INVALID, "attempt: attempt");
	if (pid < 0 || pid > INT32_MAX)
		return err_set(e, ERR_INVALID, "attempt: pid");
	if (code < 0 || code > 255 || signal < 0 || signal > 64)
		return err_set(e, ERR_INVALID, "attempt: code or signal");
	if (error.len > PAUSE_ERROR_BYTES_MAX)
		return err_set(e, ERR_INVALID, "attempt: error");
	if (image.len > PAUSE_IMAGE_BYTES_MAX)
		return err_set(e, ERR_INVALID, "attempt: image");
	struct mp finished;
	memcpy(out->name, name.data, name.len);
	out->attempt = (uint32_t)attempt;
	out->pid = (int32_t)pid;
	out->ended = mp_find(m, "finished_us", &finished);
	out->code = (int32_t)code;
	out->signal = (int32_t)signal;
	out->started_us = mp_path_int(m, "started_us", 0);
	out->finished_us = mp_path_int(m, "finished_us", 0);
	if (error.len)
		memcpy(out->error, error.data, error.len);
	if (image.len)
		memcpy(out->image, image.data, image.len);
	out->oom = mp_path_bool(m, "oom", false);
	return 0;
}
