/* Probes and lifecycle hooks: exactly one way to act, each well-formed. */
#include "actors/objects/pod.h"

static void validate_port(struct faults *f, const struct fpath *p, const struct doc *port)
{
	if (doc_is(port, DOC_STR)) {
		const char *why = name_port(port->text);
		if (why)
			field_invalid(f, p, port->text, why);
	} else {
		check_range(f, p, port, 1, 65535);
	}
}

static void validate_exec(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *command = doc_get(d, "command");
	if (!doc_is(command, DOC_ARRAY) || command->count == 0)
		field_required(f, FPATH(p, "command"), "");
}

static void validate_http(struct faults *f, const struct fpath *p, const struct doc *d)
{
	static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
	validate_port(f, FPATH(p, "port"), doc_get(d, "port"));
	check_enum(f, FPATH(p, "scheme"), doc_get(d, "scheme"), schemes);
}

static void validate_tcp(struct faults *f, const struct fpath *p, const struct doc *d)
{
	validate_port(f, FPATH(p, "port"), doc_get(d, "port"));
}

static void validate_sleep(struct faults *f, const struct fpath *p, const struct doc *d)
{
	check_not_negative(f, FPATH(p, "seconds"), doc_get(d, "seconds"));
}

static const struct {
	const char *name;
	bool probe, hook;
	void (*validate)(struct faults *, const struct fpath *, const struct doc *);
} actions[] = {
	{"exec", true, true, validate_exec},	{"httpGet", true, true, validate_http},
	{"tcpSocket", true, true, validate_tcp}, {"grpc", true, false, validate_tcp},
	{"sleep", false, true, validate_sleep},
};

static void validate_action(struct faults *f, const struct fpath *p, const struct doc *d,
			    bool probe)
{
	int count = 0;
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		const struct doc *a = doc_get(d, actions[i].name);
		if (doc_absent(a) || !(probe ? actions[i].probe : actions[i].hook))
			continue;
		if (count++)
			field_forbidden(f, FPATH(p, actions[i].name),
					"may not specify more than 1 handler type");
		else
			actions[i].validate(f, FPATH(p, actions[i].name), a);
	}
	if (count == 0)
		field_required(f, p, "must specify a handler type");
}

static void validate_probe(struct faults *f, const struct fpath *p, const struct doc *d,
			   bool readiness)
{
	static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds",
					      "periodSeconds", "successThreshold",
					      "failureThreshold"};
	const struct doc *grace = doc_get(d, "terminationGracePeriodSeconds");
	validate_action(f, p, d, true);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		check_not_negative(f, FPATH(p, numbers[i]), doc_get(d, numbers[i]));
	int64_t success = doc_get_int(d, "successThreshold", 1);
	if (!readiness && success != 1)
		field_invalid_int(f, FPATH(p, "successThreshold"), success, "must be 1");
	if (!doc_is(grace, DOC_INT))
		return;
	if (readiness)
		field_invalid_int(f, FPATH(p, "terminationGracePeriodSeconds"), grace->integer,
				  "must not be set for readinessProbes");
	else if (grace->integer <= 0)
		field_invalid_int(f, FPATH(p, "terminationGracePeriodSeconds"), grace->integer,
				  "must be greater than 0");
}

void pod_probes_validate(struct faults *f, const struct fpath *p, const struct doc *c,
			 enum container_list which)
{
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	static const char *const hooks[] = {"postStart", "preStop"};
	const struct doc *lifecycle = doc_get(c, "lifecycle");
	/* One that runs to its end before the others start has nothing to probe. */
	bool plain_init =
		which == INIT_CONTAINERS && !doc_str_is(doc_get(c, "restartPolicy"), "Always");
	static const char refused[] =
		"may not be set for init containers without restartPolicy=Always";
	for (size_t i = 0; i < 3; i++) {
		const struct doc *d = doc_get(c, probes[i]);
		if (d && plain_init)
			field_forbidden(f, FPATH(p, probes[i]), refused);
		else if (d)
			validate_probe(f, FPATH(p, probes[i]), d, i == 1);
	}
	if (lifecycle && plain_init) {
		field_forbidden(f, FPATH(p, "lifecycle"), refused);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct doc *d = doc_get(lifecycle, hooks[i]);
		if (d)
			validate_action(f, FPATH(FPATH(p, "lifecycle"), hooks[i]), d, false);
	}
}
