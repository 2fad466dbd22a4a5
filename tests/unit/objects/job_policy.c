/* What a job may say of failures and successes, of its size and its manager. */
#include "tests/unit/objects/fake_store.h"

static struct fake f;

static void set_up(void)
{
	fake_init(&f);
}

static void tear_down(void)
{
	fake_fini(&f);
}

TestSuite(job_policy, .init = set_up, .fini = tear_down);

/* The answer's message, without its beginning; "" of one that is made. `spec`
 * with ' for ". */
static const char *refusal(const char *spec)
{
	static int made;
	const char *head = arena_printf(&f.arena, "Job.batch \"j%d\" is invalid: ", ++made);
	char *json = arena_printf(&f.arena,
				  "{'metadata':{'name':'j%d'},'spec':{%s,'template':{'spec':{"
				  "'restartPolicy':'Never','initContainers':[{'name':'first','image':'i'}],"
				  "'containers':[{'name':'c','image':'i'}]}}}}",
				  made, spec);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	const char *a = fake_do(&f, OBJ_CREATE, "jobs/default", json);
	if (f.code == 201)
		return "";
	const char *text = fake_at(&f, a, "message");
	return strncmp(text, head, strlen(head)) == 0 ? text + strlen(head) : text;
}

#define RULE(rule) "'podFailurePolicy':{'rules':[{" rule "}]}"
#define CODES(codes) RULE("'action':'Ignore','onExitCodes':{" codes "}")
#define AT "spec.podFailurePolicy.rules[0]"

Test(job_policy, of_failures)
{
	static const char *const rows[][2] = {
		{CODES("'operator':'In','values':[1,42]"), ""},
		{CODES("'operator':'NotIn','values':[0],'containerName':'first'"), ""},
		{RULE("'action':'Count','onPodConditions':[{'type':'DisruptionTarget','status':'True'}]"),
		 ""},
		{RULE("'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget'}]"), ""},
		{CODES("'operator':'In','values':[0]"),
		 AT ".onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"},
		{CODES("'operator':'In','values':[]"),
		 AT ".onExitCodes.values: Invalid value: null: at least one value is required"},
		{CODES("'operator':'In','values':[3,1]"),
		 AT ".onExitCodes.values: Invalid value: [3,1]: must be ordered"},
		{CODES("'operator':'In','values':[1,1]"),
		 AT ".onExitCodes.values[1]: Duplicate value: 1"},
		{CODES("'operator':'Of','values':[1]"),
		 AT ".onExitCodes.operator: Unsupported value: \"Of\": supported values: \"In\", \"NotIn\""},
		{CODES("'operator':'In','values':[1],'containerName':'x'"),
		 AT ".onExitCodes.containerName: Invalid value: \"x\": must be one of the container or "
		    "initContainer names in the pod template"},
		{RULE("'action':'Ignore'"),
		 AT ": Invalid value: specifying one of OnExitCodes and OnPodConditions is required"},
		{RULE("'action':'FailIndex','onExitCodes':{'operator':'In','values':[1]}"),
		 AT ".action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set"},
		{RULE("'action':'Stop','onExitCodes':{'operator':'In','values':[1]}"),
		 AT ".action: Unsupported value: \"Stop\": supported values: \"Count\", \"FailIndex\", "
		    "\"FailJob\", \"Ignore\""},
		{RULE("'action':'Count','onPodConditions':[{'type':'A B','status':'Yes'}]"),
		 "[" AT ".onPodConditions[0].type: Invalid value: \"A B\": name part must consist of "
		 "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
		 "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
		 "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), " AT
		 ".onPodConditions[0].status: Unsupported value: \"Yes\": supported values: \"False\", "
		 "\"True\", \"Unknown\"]"},
		{CODES("'operator':'In','values':[1]") ",'podReplacementPolicy':'TerminatingOrFailed'",
		 "spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported values: "
		 "\"Failed\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(refusal(rows[i][0]), rows[i][1], "row %zu: %s", i, refusal(rows[i][0]));
}

#define OF_FIVE(rules) "'completionMode':'Indexed','completions':5,'successPolicy':{'rules':[" rules "]}"
#define INDEXES(text) OF_FIVE("{'succeededIndexes':'" text "'}")
#define SUCCESS "spec.successPolicy.rules[0]"

Test(job_policy, of_successes)
{
	static const char *const rows[][2] = {
		{INDEXES("0,2-4"), ""},
		{OF_FIVE("{'succeededCount':5}"), ""},
		{OF_FIVE("{'succeededCount':2,'succeededIndexes':'1-2'}"), ""},
		{OF_FIVE(""), "spec.successPolicy.rules: Required value: at least one rules must be "
			      "specified when the successPolicy is specified"},
		{OF_FIVE("{}"), SUCCESS ": Required value: at least one of succeededCount or "
					"succeededIndexes must be specified"},
		{INDEXES("5"), SUCCESS ".succeededIndexes: Invalid value: \"5\": error parsing "
				       "succeededIndexes: too large index: \"5\""},
		{INDEXES("2,1"), SUCCESS ".succeededIndexes: Invalid value: \"2,1\": error parsing "
					 "succeededIndexes: non-increasing order, previous: 2, current: 1"},
		{INDEXES("a"), SUCCESS ".succeededIndexes: Invalid value: \"a\": error parsing "
				       "succeededIndexes: cannot convert string to integer for index: \"a\""},
		{INDEXES("0-1-2"),
		 SUCCESS ".succeededIndexes: Invalid value: \"0-1-2\": error parsing succeededIndexes: the "
			 "fragment \"0-1-2\" violates the requirement that an index interval can have at "
			 "most two parts separated by '-'"},
		{OF_FIVE("{'succeededCount':6}"), SUCCESS ".succeededCount: Invalid value: 6: must be less "
							  "than or equal to 5 (the number of specified "
							  "completions)"},
		{OF_FIVE("{'succeededCount':3,'succeededIndexes':'1-2'}"),
		 SUCCESS ".succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of "
			 "indexes in the specified succeededIndexes field)"},
		{"'successPolicy':{'rules':[{'succeededCount':1}]}",
		 "spec.successPolicy: Invalid value: {\"rules\":[{\"succeededCount\":1}]}: requires indexed "
		 "completion mode"},
		{"'completionMode':'Indexed','completions':5,'maxFailedIndexes':6,'backoffLimitPerIndex':1",
		 "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"},
		{"'completionMode':'Indexed','completions':5,'maxFailedIndexes':2",
		 "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(refusal(rows[i][0]), rows[i][1], "row %zu: %s", i, refusal(rows[i][0]));
}

#define INDEXED(completions, more) "'completionMode':'Indexed','completions':" completions "," more
#define MANY " when completions are above 100000 and used with backoff limit per index"
#define TEXT_30 "abcdefghijklmnopqrstuvwxyzabcd"

Test(job_policy, of_sizes_and_managers)
{
	static const char *const rows[][2] = {
		{"'managedBy':'example.com/a%20b'", ""},
		{"'managedBy':'mine'", "spec.managedBy: Invalid value: \"mine\": must be a "
				       "domain-prefixed path (such as \"acme.io/foo\")"},
		{"'managedBy':''", "spec.managedBy: Required value"},
		{"'managedBy':'example.com/a b'",
		 "spec.managedBy: Invalid value: \"a b\": Invalid path (regex used for validation is "
		 "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"},
		{"'managedBy':'a.b/" TEXT_30 TEXT_30 "'",
		 "spec.managedBy: Too long: may not be more than 63 bytes"},
		{INDEXED("100001", "'parallelism':100000"), ""},
		{"'parallelism':100001", ""},
		{INDEXED("5", "'parallelism':100001"),
		 "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when "
		 "completion mode is Indexed"},
		{INDEXED("100001", "'parallelism':10001,'backoffLimitPerIndex':1"),
		 "[spec.maxFailedIndexes: Required value: must be specified when completions is above "
		 "100000, spec.parallelism: Invalid value: 10001: must be less than or equal to 10000" MANY "]"},
		{INDEXED("100002", "'maxFailedIndexes':100001,'backoffLimitPerIndex':1"),
		 "[spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000, "
		 "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000" MANY "]"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(refusal(rows[i][0]), rows[i][1], "row %zu: %s", i, refusal(rows[i][0]));
}

/* The last index makes the longest host name. */
Test(job_policy, of_names_that_pods_can_have)
{
	static const struct {
		const char *completions;
		int code;
	} rows[] = {{"10", 201}, {"11", 422}, {"0", 201}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[62] = {0};
		memset(name, 'a' + (int)i, sizeof name - 1);
		const char *a = fake_do(
			&f, OBJ_CREATE, "jobs/default",
			arena_printf(&f.arena,
				     "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"completionMode\":"
				     "\"Indexed\",\"completions\":%s,\"template\":{\"spec\":{\"restartPolicy\":"
				     "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
				     name, rows[i].completions));
		cr_expect_eq(f.code, rows[i].code, "%s: %s", rows[i].completions, a);
		if (rows[i].code == 422)
			cr_expect(strstr(a, "will not able to create pod with invalid DNS label: bb"),
				  "%s", a);
	}
}
