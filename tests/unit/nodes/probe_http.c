/* What a probe asks for and what it makes of the answer, as text. */
#include "nodes/probes/probe_http.h"

#include <stdio.h>

#include "nodes/probes/probe_call.h"
#include "tests/unit/nodes/objects.h"

static struct mp map_of(struct arena *a, const char *json)
{
	return mp_of(object_of(a, json));
}

/* ---- the call */

static const char *call_of(struct arena *a, const char *handler, const char *container, bool hook)
{
	struct buf b = {0};
	struct err e = {0};
	struct probe_target t = {.container = map_of(a, container), .pod_ip = "127.1.2.3", .hook = hook,
				 .timeout_ms = 1000};
	int rc = probe_call_make(map_of(a, handler), &t, &b, &e);
	cr_assert(rc == 0 || b.len == 0, "a failed call leaves nothing");
	const char *out = rc ? arena_printf(a, "%d %s", rc, e.text) : json_of(a, mp_of(span_buf(&b)));
	out = arena_dup(a, out);
	buf_fini(&b);
	return out;
}

#define HTTP "{'kind':2,'host':'127.1.2.3','port':8080,'timeout_ms':1000,"
#define AGENT "User-Agent: kube-probe/1.34\\r\\nAccept: */*\\r\\n"
#define PORTS "{'ports':[{'containerPort':1},{'name':'web','containerPort':8080}]}"

static const struct {
	const char *handler, *container, *call;
} calls[] = {
	{"{'httpGet':{'port':8080,'path':'/ok?a=b c#x'}}", "{}",
	 HTTP "'tls':false,'path':'/ok?a=b%20c','lines':'" AGENT "','name':'127.1.2.3:8080','any_status':false}"},
	{"{'httpGet':{'port':'web','scheme':'HTTPS'}}", PORTS,
	 HTTP "'tls':true,'path':'/','lines':'" AGENT "','name':'127.1.2.3:8080','any_status':false}"},
	{"{'httpGet':{'port':'8080','httpHeaders':[{'name':'Host','value':'me'},{'name':'X','value':'1'},"
	 "{'name':'accept','value':''},{'name':'user-agent','value':'u'}]}}", PORTS,
	 HTTP "'tls':false,'path':'/','lines':'X: 1\\r\\nuser-agent: u\\r\\n','name':'me','any_status':false}"},
	{"{'tcpSocket':{'port':'web','host':'::1'}}", PORTS,
	 "{'kind':3,'host':'::1','port':8080,'timeout_ms':1000}"},
	{"{'grpc':{'port':1,'service':'s'}}", "{}",
	 "{'kind':4,'host':'127.1.2.3','port':1,'timeout_ms':1000,'service':'s'}"},
};

Test(probe_http, a_call_says_all_that_its_handler_means)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		cr_expect_str_eq(call_of(&a, calls[i].handler, calls[i].container, false), calls[i].call);
	cr_expect(strstr(call_of(&a, "{'httpGet':{'port':1}}", "{}", true), "kube-lifecycle/1.34"));
	arena_fini(&a);
}

Test(probe_http, what_cannot_be_called_says_why)
{
	struct arena a = {0};
	char want[200];
	snprintf(want, sizeof want, "%d strconv.Atoi: parsing \"no\": invalid syntax", ERR_INVALID);
	cr_expect_str_eq(call_of(&a, "{'tcpSocket':{'port':'no'}}", PORTS, false), want);
	snprintf(want, sizeof want, "%d invalid port number: 70000", ERR_INVALID);
	cr_expect_str_eq(call_of(&a, "{'httpGet':{'port':70000}}", "{}", false), want);
	snprintf(want, sizeof want, "%d net/http: invalid header field value for \"X\"", ERR_INVALID);
	cr_expect_str_eq(call_of(&a, "{'httpGet':{'port':1,'httpHeaders':[{'name':'X','value':'a\\r\\nb'}]}}",
				 "{}", false), want);
	snprintf(want, sizeof want, "%d missing probe handler", ERR_UNSUPPORTED);
	cr_expect_str_eq(call_of(&a, "{'exec':{'command':['x']}}", "{}", false), want);
	arena_fini(&a);
}

/* ---- the answer */

static const struct {
	const char *answer;
	int rc;       /* when all of it has come */
	int at_end;   /* when its connection ends there */
	int status;
	const char *body;
} answers[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0, 0, 200, "hi"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", ERR_AGAIN, ERR_CLOSED, 200, "hi"},
	{"HTTP/1.0 404 Not Found\r\n\r\nhi", ERR_AGAIN, 0, 404, "hi"},
	{"HTTP/1.1 500\n\n", ERR_AGAIN, 0, 500, ""},
	{"HTTP/1.1 204 No Content\r\n\r\n", 0, 0, 204, ""},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length:0\r\n\r\n", 0, 0, 201, ""},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 0, 0, 200, "hi"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", ERR_AGAIN, ERR_CLOSED, 200, "hi"},
	{"HTTP/1.1 200 OK\r\nContent-", ERR_AGAIN, ERR_CLOSED, 0, NULL},
	{"SSH-2.0-x\r\n", ERR_INVALID, 0, 0, NULL},
	{"HTTP/1.1 20x OK\r\n\r\n", ERR_INVALID, 0, 0, NULL},
	{"HTTP/1.1 2000 OK\r\n\r\n", ERR_INVALID, 0, 0, NULL},
};

/* Whether it comes at once or byte by byte. */
Test(probe_http, reads_answers_however_they_come)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		for (int each = 0; each < 2; each++) {
			struct probe_http h = {0};
			struct err e = {0};
			struct span all = span_of(answers[i].answer);
			size_t part = each ? 1 : all.len;
			int rc = ERR_AGAIN;
			for (size_t at = 0; at < all.len && rc == ERR_AGAIN; at += part)
				rc = probe_http_read(&h, (struct span){all.data + at, part}, &e);
			cr_expect_eq(rc, answers[i].rc, "%s: %d", answers[i].answer, rc);
			if (rc == ERR_AGAIN)
				cr_expect_eq(probe_http_ended(&h), answers[i].at_end, "%s", answers[i].answer);
			if (rc != ERR_INVALID)
				cr_expect_eq(h.answer.status, answers[i].status, "%s", answers[i].answer);
			if (answers[i].body)
				cr_expect(span_is(span_buf(&h.body), answers[i].body), "%s", answers[i].answer);
			probe_http_fini(&h);
		}
	}
}

Test(probe_http, an_answer_without_end_is_cut)
{
	struct probe_http h = {0};
	struct err e = {0};
	char fill[1000];
	memset(fill, 'x', sizeof fill);
	cr_assert_eq(probe_http_read(&h, span_of("HTTP/1.1 200 OK\r\n\r\n"), &e), ERR_AGAIN);
	int rc = ERR_AGAIN;
	for (int i = 0; i < 11 && rc == ERR_AGAIN; i++)
		rc = probe_http_read(&h, (struct span){(uint8_t *)fill, sizeof fill}, &e);
	cr_expect_eq(rc, 0);
	cr_expect_eq(h.body.len, PROBE_BODY_BYTES_MAX);
	probe_http_fini(&h);
	rc = probe_http_read(&h, span_of("HTTP/1.1 200 OK\r\nA: "), &e);
	for (int i = 0; i < 100 && rc == ERR_AGAIN; i++)
		rc = probe_http_read(&h, (struct span){(uint8_t *)fill, sizeof fill}, &e);
	cr_expect_eq(rc, ERR_INVALID, "a head without end too");
	probe_http_fini(&h);
}

/* ---- redirects, from http://127.1.2.3:8080/a/b?c */

static const struct {
	const char *location, *to; /* NULL: nowhere */
} redirects[] = {
	{"/x?y", "http 127.1.2.3 8080 /x?y"},
	{"x", "http 127.1.2.3 8080 /a/x"},
	{"?q", "http 127.1.2.3 8080 /a/b?q"},
	{"http://127.1.2.3/", "http 127.1.2.3 80 /"},
	{"HTTPS://127.1.2.3", "https 127.1.2.3 443 /"},
	{"//127.1.2.3:81/z", "http 127.1.2.3 81 /z"},
	{"http://127.1.2.4:8080/", NULL},
	{"http://127.1.2.3:0/", NULL},
	{"http://", NULL},
	{"", NULL},
};

Test(probe_http, follows_redirects_on_the_same_host_only)
{
	struct arena a = {0};
	const struct probe_url from = {.host = "127.1.2.3", .port = 8080, .path = "/a/b?c"};
	for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
		struct probe_http h = {0};
		struct probe_url to = {0};
		const char *text = arena_printf(&a, "HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n",
						redirects[i].location);
		probe_http_read(&h, span_of(text), NULL);
		bool follows = probe_http_redirect(&a, &h, &from, &to);
		cr_expect_eq(follows, redirects[i].to != NULL, "%s", redirects[i].location);
		if (follows && redirects[i].to)
			cr_expect_str_eq(arena_printf(&a, "http%s %s %d %s", to.tls ? "s" : "", to.host, to.port,
						      to.path), redirects[i].to);
		probe_http_fini(&h);
	}
	arena_fini(&a);
}

Test(probe_http, what_a_command_wrote_is_text_in_the_end)
{
	struct arena a = {0};
	cr_expect_str_eq(probe_output_text(&a, span_of("gr\xc3\xbc\xc3\x9f \xff!"), 100), "gr\xc3\xbc\xc3\x9f \xef\xbf\xbd!");
	cr_expect_str_eq(probe_output_text(&a, span_of("ab\xc3\xbc"), 3), "ab", "no half characters");
	cr_expect_str_eq(probe_command_line(&a, map_of(&a, "{'command':['sh','-c','a b']}")), "sh -c a b");
	arena_fini(&a);
}
