/* Command, arguments and environment as Kubernetes' kubelet makes them. */
#include "nodes/pod_env.h"
#include "tests/unit/nodes/objects.h"

static const char pod_json[] =
	"{'metadata':{'name':'web-0','namespace':'shop','uid':'u-1',"
	"'labels':{'app':'web'},'annotations':{'a.b/c':'note'}},"
	"'spec':{'nodeName':'n1','serviceAccountName':'robot','resources':{'limits':{'cpu':'3'}},'containers':["
	"{'name':'main','resources':{'limits':{'cpu':'1500m','memory':'64Mi'},"
	"'requests':{'cpu':'250m'}}},{'name':'side'}]}}";

struct world {
	struct arena a;
	struct pod_env_facts facts;
	int missing_code, services_code;
};

static int get_object(void *arg, enum pod_env_kind kind, struct span ns, struct span name,
		      struct span *out)
{
	struct world *w = arg;
	cr_expect(span_is(ns, "shop"));
	if (kind == POD_ENV_CONFIG_MAP && span_is(name, "cm"))
		*out = object_of(&w->a, "{'data':{'k1':'v1','k2':'$(k1)','1.odd-key':'odd',"
					"'bad=name':'x'}}");
	else if (kind == POD_ENV_SECRET && span_is(name, "sec"))
		*out = object_of(&w->a, "{'data':{'pw':'aHVudGVyMg==','raw':'/w=='}}");
	else
		return w->missing_code;
	return 0;
}

static int get_services(void *arg, struct span ns, void (*each)(void *, struct span), void *to)
{
	struct world *w = arg;
	if (w->services_code)
		return w->services_code;
	if (span_is(ns, "default")) {
		each(to, object_of(&w->a, "{'metadata':{'name':'kubernetes'},'spec':{'clusterIP':"
					  "'10.96.0.1','ports':[{'name':'https','port':443}]}}"));
		each(to, object_of(&w->a, "{'metadata':{'name':'other'},'spec':{'clusterIP':"
					  "'10.96.0.9','ports':[{'port':1}]}}"));
		return 0;
	}
	each(to, object_of(&w->a, "{'metadata':{'name':'db-main'},'spec':{'clusterIP':'10.96.0.7',"
				  "'ports':[{'name':'sql-tcp','port':5432},{'name':'dns','port':53,"
				  "'protocol':'UDP'}]}}"));
	each(to, object_of(&w->a, "{'metadata':{'name':'headless'},'spec':{'clusterIP':'None',"
				  "'ports':[{'port':1}]}}"));
	return 0;
}

static struct world world(void)
{
	static const char *const ips[] = {"127.0.1.2", "fd00::2", NULL};
	return (struct world){.facts = {.host_ip = "192.0.2.1", .pod_ips = ips},
			      .missing_code = ERR_NOT_FOUND};
}

static int make(struct world *w, const char *container, struct pod_command *out, struct err *e)
{
	w->facts.source = (struct pod_env_source){w, get_object, get_services};
	return pod_command_make(&w->a, &w->facts, mp_of(object_of(&w->a, pod_json)),
				mp_of(object_of(&w->a, container)), out, e);
}

static const char *env_of(const struct pod_command *c, const char *name)
{
	for (const char *const *at = c->env; *at; at++)
		if (strncmp(*at, name, strlen(name)) == 0 && (*at)[strlen(name)] == '=')
			return *at + strlen(name) + 1;
	return NULL;
}

static const char *no_value(void *arg, struct span name)
{
	(void)arg;
	return span_is(name, "A") ? "1" : span_is(name, "EMPTY") ? "" : NULL;
}

/* Rows from Kubernetes' own expansion_test.go, in spirit. */
Test(pod_env, expands_as_kubernetes_does)
{
	static const char *const rows[][2] = {
		{"$(A)", "1"},		 {"x$(A)y$(A)", "x1y1"},  {"$$(A)", "$(A)"},
		{"$$$(A)", "$1"},	 {"$$$$(A)", "$$(A)"},	  {"$(B)", "$(B)"},
		{"$(EMPTY)|", "|"},	 {"$A", "$A"},		  {"$", "$"},
		{"a$", "a$"},		 {"$(A", "$(A"},	  {"$()", "$()"},
		{"$($(A))", "$($(A))"},	 {"$$", "$"},		  {"\n$(A)\n", "\n1\n"},
		{"$(A)$(B)", "1$(B)"},	 {"foo$(A", "foo$(A"},	  {"", ""},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(pod_env_expand(&a, span_of(rows[i][0]), no_value, NULL),
				 rows[i][1], "%s", rows[i][0]);
	arena_fini(&a);
}

Test(pod_env, later_variables_see_earlier_ones_and_command_sees_all)
{
	struct world w = world();
	struct pod_command c;
	cr_assert_eq(make(&w, "{'name':'main','workingDir':'/srv','command':['run','$(B)'],"
			      "'args':['$(LATE)','$(DB_MAIN_SERVICE_HOST)','$(HOME)'],'env':["
			      "{'name':'A','value':'1'},{'name':'B','value':'<$(A)$(LATE)>'},"
			      "{'name':'LATE','value':'l'},{'name':'A','value':'2'},"
			      "{'name':'S','value':'$(DB_MAIN_SERVICE_PORT)'},{'name':'E'}]}",
			  &c, NULL), 0);
	cr_expect_str_eq(c.cwd, "/srv");
	cr_expect_str_eq(c.command[0], "run");
	cr_expect_str_eq(c.command[1], "<1$(LATE)>");
	cr_expect_null(c.command[2]);
	cr_expect_str_eq(c.args[0], "l");
	cr_expect_str_eq(c.args[1], "10.96.0.7");
	cr_expect_str_eq(c.args[2], "$(HOME)");
	cr_expect_str_eq(env_of(&c, "A"), "2");
	cr_expect_str_eq(env_of(&c, "S"), "5432");
	cr_expect_str_eq(env_of(&c, "E"), "");
	arena_fini(&w.a);
}

Test(pod_env, base_fills_only_what_nobody_set)
{
	static const char *const base[] = {"PATH=/bin", "HOSTNAME=web-0", NULL};
	struct world w = world();
	struct pod_command c;
	w.facts.base = base;
	cr_assert_eq(make(&w, "{'name':'main','args':['$(HOSTNAME)'],"
			      "'env':[{'name':'PATH','value':'/opt'}]}", &c, NULL), 0);
	cr_expect_str_eq(env_of(&c, "PATH"), "/opt");
	cr_expect_str_eq(env_of(&c, "HOSTNAME"), "web-0");
	cr_expect_str_eq(c.args[0], "$(HOSTNAME)", "base is not for expansion");
	arena_fini(&w.a);
}

Test(pod_env, waits_while_the_services_are_not_known)
{
	struct world w = world();
	struct pod_command c;
	struct err e = {0};
	w.services_code = ERR_AGAIN;
	cr_expect_eq(make(&w, "{'name':'main'}", &c, &e), ERR_AGAIN);
	cr_expect_str_eq(e.text, "the services are not known yet");
	w.services_code = 0;
	cr_expect_eq(make(&w, "{'name':'main'}", &c, &e), 0);
	arena_fini(&w.a);
}

Test(pod_env, services_give_their_variables_and_links)
{
	static const char *const rows[][2] = {
		{"DB_MAIN_SERVICE_HOST", "10.96.0.7"},
		{"DB_MAIN_SERVICE_PORT", "5432"},
		{"DB_MAIN_SERVICE_PORT_SQL_TCP", "5432"},
		{"DB_MAIN_SERVICE_PORT_DNS", "53"},
		{"DB_MAIN_PORT", "tcp://10.96.0.7:5432"},
		{"DB_MAIN_PORT_5432_TCP", "tcp://10.96.0.7:5432"},
		{"DB_MAIN_PORT_5432_TCP_PROTO", "tcp"},
		{"DB_MAIN_PORT_5432_TCP_PORT", "5432"},
		{"DB_MAIN_PORT_5432_TCP_ADDR", "10.96.0.7"},
		{"DB_MAIN_PORT_53_UDP", "udp://10.96.0.7:53"},
		{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
		{"KUBERNETES_SERVICE_PORT", "443"},
		{"KUBERNETES_SERVICE_PORT_HTTPS", "443"},
		{"HEADLESS_SERVICE_HOST", NULL},
		{"OTHER_SERVICE_HOST", NULL},
	};
	struct world w = world();
	struct pod_command c;
	cr_assert_eq(make(&w, "{'name':'main'}", &c, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *v = env_of(&c, rows[i][0]);
		if (rows[i][1])
			cr_expect(v && strcmp(v, rows[i][1]) == 0, "%s=%s", rows[i][0], v);
		else
			cr_expect_null(v, "%s=%s", rows[i][0], v);
	}
	for (size_t i = 0; c.env[i] && c.env[i + 1]; i++)
		cr_expect_lt(strcmp(c.env[i], c.env[i + 1]), 0, "sorted");
	arena_fini(&w.a);
}

Test(pod_env, downward_api_gives_fields_and_resources)
{
	static const char *const rows[][2] = {
		{"{'fieldRef':{'fieldPath':'metadata.name'}}", "web-0"},
		{"{'fieldRef':{'fieldPath':'metadata.namespace'}}", "shop"},
		{"{'fieldRef':{'fieldPath':'metadata.uid'}}", "u-1"},
		{"{'fieldRef':{'fieldPath':\"metadata.labels['app']\"}}", "web"},
		{"{'fieldRef':{'fieldPath':\"metadata.labels['none']\"}}", ""},
		{"{'fieldRef':{'fieldPath':\"metadata.annotations['a.b/c']\"}}", "note"},
		{"{'fieldRef':{'fieldPath':'spec.nodeName'}}", "n1"},
		{"{'fieldRef':{'fieldPath':'spec.serviceAccountName'}}", "robot"},
		{"{'fieldRef':{'fieldPath':'status.hostIP'}}", "192.0.2.1"},
		{"{'fieldRef':{'fieldPath':'status.podIP'}}", "127.0.1.2"},
		{"{'fieldRef':{'fieldPath':'status.podIPs'}}", "127.0.1.2,fd00::2"},
		{"{'resourceFieldRef':{'resource':'limits.cpu'}}", "2"},
		{"{'resourceFieldRef':{'resource':'limits.cpu','divisor':'1m'}}", "1500"},
		{"{'resourceFieldRef':{'resource':'requests.cpu'}}", "1"},
		{"{'resourceFieldRef':{'resource':'limits.memory'}}", "67108864"},
		{"{'resourceFieldRef':{'resource':'limits.memory','divisor':'1Mi'}}", "64"},
		{"{'resourceFieldRef':{'resource':'limits.memory','containerName':'side'}}",
		 "1073741824"},
		{"{'resourceFieldRef':{'resource':'limits.cpu','containerName':'side'}}", "3"},
		{"{'resourceFieldRef':{'resource':'requests.memory','divisor':'0'}}", "0"},
	};
	struct world w = world();
	w.facts.allocatable = object_of(&w.a, "{'cpu':'4','memory':'1Gi'}");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pod_command c;
		struct err e = {0};
		/* The label paths hold quotes of their own. */
		struct buf b = {0};
		const char *from = rows[i][0];
		buf_puts(&b, "{'name':'main','resources':{'limits':{'cpu':'1500m','memory':'64Mi'},"
			     "'requests':{'cpu':'250m'}},'env':[{'name':'V','valueFrom':");
		for (const char *q = from; *q; q++) {
			static const char open[] = "['", close[] = "']";
			if (strncmp(q, open, 2) == 0)
				buf_puts(&b, "[\\u0027"), q++;
			else if (strncmp(q, close, 2) == 0)
				buf_puts(&b, "\\u0027]"), q++;
			else
				buf_putc(&b, *q);
		}
		buf_puts(&b, "}]}");
		cr_assert_eq(make(&w, buf_text(&b), &c, &e), 0, "%s: %s", from, e.text);
		cr_expect_str_eq(env_of(&c, "V"), rows[i][1], "%s", from);
		buf_fini(&b);
	}
	arena_fini(&w.a);
}

Test(pod_env, config_maps_and_secrets_fill_in)
{
	struct world w = world();
	struct pod_command c;
	struct err e = {0};
	cr_assert_eq(make(&w, "{'name':'main','envFrom':[{'prefix':'P_','configMapRef':{'name':'cm'}},"
			      "{'secretRef':{'name':'sec'}},"
			      "{'configMapRef':{'name':'none','optional':true}}],'env':["
			      "{'name':'K','valueFrom':{'configMapKeyRef':{'name':'cm','key':'k1'}}},"
			      "{'name':'PW','valueFrom':{'secretKeyRef':{'name':'sec','key':'pw'}}},"
			      "{'name':'O1','valueFrom':{'secretKeyRef':{'name':'no','key':'k',"
			      "'optional':true}}},"
			      "{'name':'O2','valueFrom':{'configMapKeyRef':{'name':'cm','key':'no',"
			      "'optional':true}}},{'name':'X','value':'$(P_k1)$(pw)'}]}",
			  &c, &e), 0, "%s", e.text);
	cr_expect_str_eq(env_of(&c, "P_k1"), "v1");
	cr_expect_str_eq(env_of(&c, "P_k2"), "$(k1)", "data is not expanded");
	cr_expect_str_eq(env_of(&c, "P_1.odd-key"), "odd");
	cr_expect_null(env_of(&c, "P_bad"));
	cr_expect_str_eq(env_of(&c, "pw"), "hunter2");
	cr_expect_str_eq(env_of(&c, "raw"), "\xff");
	cr_expect_str_eq(env_of(&c, "K"), "v1");
	cr_expect_str_eq(env_of(&c, "PW"), "hunter2");
	cr_expect_null(env_of(&c, "O1"));
	cr_expect_null(env_of(&c, "O2"));
	cr_expect_str_eq(env_of(&c, "X"), "v1hunter2");
	arena_fini(&w.a);
}

Test(pod_env, what_is_missing_is_told_in_kubernetes_words)
{
	static const struct {
		const char *container, *text;
		int code;
	} rows[] = {
		{"{'envFrom':[{'configMapRef':{'name':'no'}}]}", "configmap \"no\" not found",
		 ERR_NOT_FOUND},
		{"{'envFrom':[{'secretRef':{'name':'no'}}]}", "secret \"no\" not found",
		 ERR_NOT_FOUND},
		{"{'env':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'no','key':'k'}}}]}",
		 "secret \"no\" not found", ERR_NOT_FOUND},
		{"{'env':[{'name':'A','valueFrom':{'configMapKeyRef':{'name':'cm','key':'k'}}}]}",
		 "couldn't find key k in ConfigMap shop/cm", ERR_NOT_FOUND},
		{"{'env':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'sec','key':'k'}}}]}",
		 "couldn't find key k in Secret shop/sec", ERR_NOT_FOUND},
		{"{'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'spec.x'}}}]}",
		 "unsupported fieldPath: spec.x", ERR_INVALID},
		{"{'env':[{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu',"
		 "'containerName':'no'}}}]}",
		 "container no not found", ERR_INVALID},
	};
	struct world w = world();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pod_command c;
		struct err e = {0};
		cr_expect_eq(make(&w, rows[i].container, &c, &e), rows[i].code);
		cr_expect_str_eq(e.text, rows[i].text);
	}
	w.missing_code = ERR_AGAIN;
	struct pod_command c;
	cr_expect_eq(make(&w, rows[0].container, &c, NULL), ERR_AGAIN);
	arena_fini(&w.a);
}
