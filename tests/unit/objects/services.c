/* Services and what they hold, endpoints, replication controllers and their
 * scale. */
#include "fake_store.h"

#define SERVICE(spec) "{\"metadata\":{\"name\":\"db\"},\"spec\":" spec "}"
#define PORT "\"ports\":[{\"port\":80}]"

static bool holds(struct fake *f, const char *key)
{
	struct fake_row *r = fake_find(f, span_of(key));
	return r && r->value;
}

static bool holds_what(struct fake *f, const char *json, const char *what, const char *path)
{
	char key[100];
	snprintf(key, sizeof key, "allocations/%s/%s", what, fake_at(f, json, path));
	return holds(f, key);
}

Test(service, gets_an_address_in_the_answer_to_its_create_and_gives_it_back)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default", SERVICE("{" PORT "}"));
	EXPECT_CODE(&f, 201, a);
	cr_expect(strncmp(fake_at(&f, a, "spec.clusterIP"), "10.96.", 6) == 0, "%s", a);
	EXPECT_AT(&f, a, "spec.clusterIPs[0]", fake_at(&f, a, "spec.clusterIP"));
	EXPECT_AT(&f, a, "spec.type", "ClusterIP");
	EXPECT_AT(&f, a, "spec.ports[0].targetPort", "80");
	EXPECT_AT(&f, a, "spec.ports[0].protocol", "TCP");
	EXPECT_AT(&f, a, "spec.ipFamilies", "[\"IPv4\"]");
	EXPECT_AT(&f, a, "status", "{\"loadBalancer\":{}}");
	cr_expect(holds_what(&f, a, "ip", "spec.clusterIP"));
	fake_do(&f, OBJ_DELETE, "services/default/db", NULL);
	cr_expect(f.deleted);
	cr_expect_not(holds_what(&f, a, "ip", "spec.clusterIP"));
	fake_fini(&f);
}

Test(service, keeps_address_and_node_ports_through_updates_that_leave_them_out)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default",
	                        SERVICE("{\"type\":\"NodePort\"," PORT "}"));
	EXPECT_CODE(&f, 201, a);
	cr_expect(holds_what(&f, a, "port", "spec.ports[0].nodePort"));
	const char *b =
	        fake_do(&f, OBJ_UPDATE, "services/default/db",
	                SERVICE("{\"type\":\"NodePort\",\"selector\":{\"a\":\"b\"}," PORT "}"));
	EXPECT_CODE(&f, 200, b);
	EXPECT_AT(&f, b, "spec.clusterIP", fake_at(&f, a, "spec.clusterIP"));
	EXPECT_AT(&f, b, "spec.ports[0].nodePort", fake_at(&f, a, "spec.ports[0].nodePort"));
	/* Another type has no use for them. */
	b = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db",
	            "{\"spec\":{\"type\":\"ClusterIP\"}}");
	EXPECT_CODE(&f, 200, b);
	EXPECT_AT(&f, b, "spec.ports[0].nodePort", "");
	cr_expect_not(holds_what(&f, a, "port", "spec.ports[0].nodePort"));
	cr_expect(holds_what(&f, a, "ip", "spec.clusterIP"));
	b = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db",
	            "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"a.b\"}}");
	EXPECT_CODE(&f, 200, b);
	EXPECT_AT(&f, b, "spec.clusterIP", "");
	cr_expect_not(holds_what(&f, a, "ip", "spec.clusterIP"));
	fake_fini(&f);
}

Test(service, address_changes_hands_only_when_it_is_free_and_never_changes)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default",
	                        SERVICE("{\"clusterIP\":\"10.96.0.10\"," PORT "}"));
	EXPECT_CODE(&f, 201, a);
	a = fake_do(
	        &f, OBJ_CREATE, "services/default",
	        "{\"metadata\":{\"name\":\"other\"},\"spec\":{\"clusterIP\":\"10.96.0.10\"," PORT
	        "}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(
	        &f, a, "details.causes[0].message",
	        "Invalid value: [\"10.96.0.10\"]: failed to allocate IP 10.96.0.10: provided IP is "
	        "already allocated");
	a = fake_do(&f, OBJ_CREATE, "services/default",
	            "{\"metadata\":{\"name\":\"other\"},\"spec\":{\"clusterIP\":\"10.97.0.1\"," PORT
	            "}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(
	        &f, a, "details.causes[0].message",
	        "Invalid value: [\"10.97.0.1\"]: failed to allocate IP 10.97.0.1: the provided IP "
	        "(10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16");
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db",
	            "{\"spec\":{\"clusterIP\":\"10.96.0.11\"}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.clusterIPs[0]");
	EXPECT_AT(&f, a, "details.causes[0].message",
	          "Invalid value: [\"10.96.0.11\"]: may not change once set");
	cr_expect_not(holds(&f, "allocations/ip/10.96.0.11"));
	fake_fini(&f);
}

Test(service, draws_again_when_another_was_faster)
{
	static const struct obj_cluster small = {10u << 24, 30, 30000, 30001};
	struct fake f;
	char path[40], body[200];
	fake_init(&f);
	f.cluster = &small;
	/* Two addresses (neither the first nor the last), seen by nobody. */
	f.behind = true;
	for (int i = 0; i < 2; i++) {
		snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"s%d\"},\"spec\":{" PORT "}}",
		         i);
		const char *a = fake_do(&f, OBJ_CREATE, "services/default", body);
		EXPECT_CODE(&f, 201, a);
	}
	f.behind = false;
	const char *a = fake_do(&f, OBJ_CREATE, "services/default", SERVICE("{" PORT "}"));
	EXPECT_CODE(&f, 500, a);
	snprintf(path, sizeof path, "services/default/s1");
	fake_do(&f, OBJ_DELETE, path, NULL);
	a = fake_do(&f, OBJ_CREATE, "services/default", SERVICE("{" PORT "}"));
	EXPECT_CODE(&f, 201, a);
	fake_fini(&f);
}

Test(service, node_ports_of_one_service_differ_and_come_from_the_range)
{
	static const struct obj_cluster two = {10u << 24 | 96u << 16, 16, 30000, 30001};
	struct fake f;
	fake_init(&f);
	f.cluster = &two;
	const char *a =
	        fake_do(&f, OBJ_CREATE, "services/default",
	                SERVICE("{\"type\":\"NodePort\",\"ports\":[{\"name\":\"a\",\"port\":1},"
	                        "{\"name\":\"b\",\"port\":2}]}"));
	EXPECT_CODE(&f, 201, a);
	cr_expect(holds(&f, "allocations/port/30000"));
	cr_expect(holds(&f, "allocations/port/30001"));
	a = fake_do(&f, OBJ_CREATE, "services/default",
	            "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{"
	            "\"port\":1,\"nodePort\":30000}]}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].message",
	          "Invalid value: 30000: provided port is already allocated");
	a = fake_do(&f, OBJ_CREATE, "services/default",
	            "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{"
	            "\"port\":1,\"nodePort\":80}]}}");
	EXPECT_AT(&f, a, "details.causes[0].message",
	          "Invalid value: 80: provided port is not in the valid range. The range of valid "
	          "ports is 30000-30001");
	fake_fini(&f);
}

Test(service, refuses_with_kubernetes_fields)
{
	static const struct {
		const char *spec, *field, *message;
	} rows[] = {
	        {"{}", "spec.ports", "Required value"},
	        {"{\"ports\":[{\"port\":0}]}", "spec.ports[0].port",
	         "Invalid value: 0: must be between 1 and 65535, inclusive"},
	        {"{\"ports\":[{\"name\":\"a\",\"port\":1},{\"name\":\"a\",\"port\":2}]}",
	         "spec.ports[1].name", "Duplicate value: \"a\""},
	        {"{\"type\":\"NodePort\",\"clusterIP\":\"None\"," PORT "}", "spec.clusterIP",
	         "Invalid value: \"None\": may not be set to 'None' for NodePort services"},
	        {"{\"ports\":[{\"port\":1,\"nodePort\":30000}]}", "spec.ports[0].nodePort",
	         "Forbidden: may not be used when `type` is 'ClusterIP'"},
	        {"{\"type\":\"ExternalName\"}", "spec.externalName", "Required value"},
	        {"{\"sessionAffinity\":\"Sometimes\"," PORT "}", "spec.sessionAffinity",
	         "Unsupported value: \"Sometimes\": supported values: \"ClientIP\", \"None\""},
	        {"{\"externalIPs\":[\"127.0.0.1\"]," PORT "}", "spec.externalIPs[0]",
	         "Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, "
	         "::1/128)"},
	        {"{\"ipFamilyPolicy\":\"RequireDualStack\"," PORT "}", "spec.ipFamilyPolicy",
	         "Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services"},
	        {"{\"ipFamilyPolicy\":\"Both\"," PORT "}", "spec.ipFamilyPolicy",
	         "Unsupported value: \"Both\": supported values: \"PreferDualStack\", \"RequireDualStack\", \"SingleStack\""},
	        {"{\"ipFamilies\":[\"IPv6\"]," PORT "}", "spec.ipFamilies[0]",
	         "Invalid value: \"IPv6\": not configured on this cluster"},
	        {"{\"ipFamilies\":[\"IPv5\"]," PORT "}", "spec.ipFamilies[0]",
	         "Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\""},
	        {"{\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv4\",\"IPv4\"]," PORT "}", "spec.ipFamilies[1]",
	         "Duplicate value: \"IPv4\""},
	        {"{\"loadBalancerClass\":\"a/b\"," PORT "}", "spec.loadBalancerClass",
	         "Forbidden: may only be used when `type` is 'LoadBalancer'"},
	        {"{\"allocateLoadBalancerNodePorts\":true," PORT "}", "spec.allocateLoadBalancerNodePorts",
	         "Forbidden: may only be used when `type` is 'LoadBalancer'"},
	        {"{\"loadBalancerSourceRanges\":[\"10.0.0.0/8\"]," PORT "}", "spec.LoadBalancerSourceRanges",
	         "Forbidden: may only be used when `type` is 'LoadBalancer'"},
	        {"{\"type\":\"LoadBalancer\",\"loadBalancerSourceRanges\":[\" 10.0.0.0/8 \",\"10.0.0.1\"]," PORT "}", "spec.LoadBalancerSourceRanges[1]",
	         "Invalid value: \"10.0.0.1\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"},
	        {"{\"healthCheckNodePort\":30000," PORT "}", "spec.healthCheckNodePort",
	         "Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"},
	        {"{\"trafficDistribution\":\"Far\"," PORT "}", "spec.trafficDistribution",
	         "Unsupported value: \"Far\": supported values: \"PreferClose\", \"PreferSameNode\", \"PreferSameZone\""},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[300];
		snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"db\"},\"spec\":%s}",
		         rows[i].spec);
		const char *a = fake_do(&f, OBJ_CREATE, "services/default", body);
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "details.causes[0].field", rows[i].field);
		EXPECT_AT(&f, a, "details.causes[0].message", rows[i].message);
	}
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

/* Whose type changes loses what only the old one has; a class stays what it is. */
Test(service, loses_what_only_load_balancers_have_with_the_type)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default",
				"{\"metadata\":{\"name\":\"lb\"},\"spec\":{\"type\":\"LoadBalancer\",\"loadBalancerClass\":"
				"\"a.b/c\",\"externalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":30002," PORT "}}");
	EXPECT_CODE(&f, 201, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/lb", "{\"spec\":{\"loadBalancerClass\":\"a.b/d\"}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.loadBalancerClass");
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/lb", "{\"spec\":{\"type\":\"ClusterIP\"}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.loadBalancerClass", "");
	EXPECT_AT(&f, a, "spec.healthCheckNodePort", "");
	fake_fini(&f);
}

#define BALANCER(more) "{\"type\":\"LoadBalancer\"," more PORT "}"
#define LOCAL "\"externalTrafficPolicy\":\"Local\","

Test(service, has_a_port_for_health_checks_while_a_balancer_needs_one)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default", SERVICE(BALANCER(LOCAL)));
	EXPECT_CODE(&f, 201, a);
	cr_expect(holds_what(&f, a, "port", "spec.healthCheckNodePort"), "%s", a);
	const char *port = fake_at(&f, a, "spec.healthCheckNodePort");
	const char *b = fake_do(&f, OBJ_UPDATE, "services/default/db", SERVICE(BALANCER(LOCAL)));
	EXPECT_AT(&f, b, "spec.healthCheckNodePort", port);
	b = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db", "{\"spec\":{\"healthCheckNodePort\":31000}}");
	EXPECT_CODE(&f, 422, b);
	EXPECT_AT(&f, b, "details.causes[0].message", "Forbidden: field is immutable");
	b = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db", "{\"spec\":{\"externalTrafficPolicy\":\"Cluster\"}}");
	EXPECT_CODE(&f, 200, b);
	EXPECT_AT(&f, b, "spec.healthCheckNodePort", "");
	cr_expect_not(holds_what(&f, a, "port", "spec.healthCheckNodePort"));
	b = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db",
		    "{\"spec\":{\"externalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":31000}}");
	EXPECT_CODE(&f, 200, b);
	cr_expect(holds(&f, "allocations/port/31000"));
	a = fake_do(&f, OBJ_CREATE, "services/default",
		    "{\"metadata\":{\"name\":\"x\"},\"spec\":" BALANCER(LOCAL "\"healthCheckNodePort\":31000,") "}");
	EXPECT_CODE(&f, 500, a);
	EXPECT_AT(&f, a, "message", "Internal error occurred: failed to allocate requested HealthCheck NodePort "
				    "31000: provided port is already allocated");
	fake_do(&f, OBJ_DELETE, "services/default/db", NULL);
	cr_expect_not(holds(&f, "allocations/port/31000"));
	fake_fini(&f);
}

Test(service, without_ports_of_its_own_keeps_those_that_it_names)
{
#define ALONE "\"type\":\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false,"
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default",
				SERVICE("{" ALONE "\"ports\":[{\"name\":\"a\",\"port\":1,\"nodePort\":30001},"
					"{\"name\":\"b\",\"port\":2}]}"));
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.ports[1].nodePort", "");
	cr_expect(holds(&f, "allocations/port/30001"));
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db", "{\"spec\":{\"ports\":[{\"port\":2}]}}");
	EXPECT_CODE(&f, 200, a);
	cr_expect_not(holds(&f, "allocations/port/30001"));
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db",
		    "{\"spec\":{\"type\":\"NodePort\",\"allocateLoadBalancerNodePorts\":true}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.allocateLoadBalancerNodePorts");
	fake_fini(&f);
}

Test(service, of_one_number_over_two_protocols_has_one_node_port)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default",
				SERVICE("{\"type\":\"NodePort\",\"ports\":[{\"name\":\"a\",\"port\":53},"
					"{\"name\":\"b\",\"port\":53,\"protocol\":\"UDP\"}]}"));
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.ports[1].nodePort", fake_at(&f, a, "spec.ports[0].nodePort"));
	a = fake_do(&f, OBJ_CREATE, "services/default",
		    "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"name\":\"a\","
		    "\"port\":53},{\"name\":\"b\",\"port\":53,\"protocol\":\"UDP\",\"nodePort\":30053}]}}");
	EXPECT_AT(&f, a, "spec.ports[0].nodePort", "30053");
	cr_expect(holds(&f, "allocations/port/30053"));
	fake_fini(&f);
}

Test(service, that_is_reached_by_addresses_outside_has_a_policy)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "services/default", SERVICE("{\"externalIPs\":[\"192.0.2.1\"]," PORT "}"));
	EXPECT_AT(&f, a, "spec.externalTrafficPolicy", "Cluster");
	a = fake_do(&f, OBJ_PATCH_MERGE, "services/default/db", "{\"spec\":{\"externalIPs\":null}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.externalTrafficPolicy", "");
	fake_fini(&f);
}

Test(endpoints, loopback_is_for_clusters_whose_services_are_there)
{
	static const char body[] =
	        "{\"metadata\":{\"name\":\"db\"},\"subsets\":[{\"addresses\":[{\"ip\":"
	        "\"127.1.0.1\"}],\"ports\":[{\"port\":80}]}]}";
	static const char slice[] =
	        "{\"metadata\":{\"name\":\"db-1\"},\"addressType\":\"IPv4\",\"endpoints\":[{"
	        "\"addresses\":[\"127.1.0.1\"]}],\"ports\":[{\"port\":80}]}";
	struct obj_cluster local;
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "endpoints/default", body);
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "subsets[0].addresses[0].ip");
	a = fake_do(&f, OBJ_CREATE, "endpointslices/default", slice);
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "endpoints[0].addresses[0]");
	cr_assert_eq(obj_cluster_parse(&local, span_of("127.96.0.0/16"), NULL), 0);
	f.cluster = &local;
	a = fake_do(&f, OBJ_CREATE, "endpoints/default", body);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "subsets[0].ports[0].protocol", "TCP");
	a = fake_do(&f, OBJ_CREATE, "endpointslices/default", slice);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "metadata.generation", "1");
	a = fake_do(&f, OBJ_PATCH_MERGE, "endpointslices/default/db-1", "{\"endpoints\":[]}");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	fake_fini(&f);
}

Test(cluster, range_is_a_prefix)
{
	static const char *const bad[] = {
	        "",           "10.96.0.0",   "10.96.0.0/31", "10.96.0.1/16",
	        "10.96.0/16", "10.96.0.0/7", "300.0.0.0/8",  "10.96.0.0/16x"};
	struct obj_cluster c;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_eq(obj_cluster_parse(&c, span_of(bad[i]), NULL), ERR_INVALID, "%s",
		             bad[i]);
	cr_expect_eq(obj_cluster_parse(&c, span_of("127.96.0.0/16"), NULL), 0);
	cr_expect_eq(c.service_base, 127u << 24 | 96u << 16);
	cr_expect_eq(c.service_bits, 16);
}

/* ---- replication controllers */

#define TEMPLATE                                                                                   \
	"\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{"    \
	"\"name\":\"c\",\"image\":\"i\"}]}}"

static const char *rc_create(struct fake *f, const char *spec)
{
	char body[700];
	snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"web\"},\"spec\":%s}", spec);
	return fake_do(f, OBJ_CREATE, "replicationcontrollers/default", body);
}

Test(replicationcontroller, is_defaulted_from_its_template)
{
	struct fake f;
	fake_init(&f);
	const char *a = rc_create(&f, "{" TEMPLATE "}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.replicas", "1");
	EXPECT_AT(&f, a, "spec.selector", "{\"app\":\"web\"}");
	EXPECT_AT(&f, a, "metadata.labels", "{\"app\":\"web\"}");
	EXPECT_AT(&f, a, "metadata.generation", "1");
	EXPECT_AT(&f, a, "spec.template.spec.restartPolicy", "Always");
	EXPECT_AT(&f, a, "status", "{\"replicas\":0}");
	fake_fini(&f);
}

Test(replicationcontroller, refuses_with_kubernetes_fields)
{
	static const struct {
		const char *spec, *field, *message;
	} rows[] = {
	        {"{\"replicas\":-1," TEMPLATE "}", "spec.replicas",
	         "Invalid value: -1: must be greater than or equal to 0"},
	        {"{\"selector\":{\"app\":\"db\"}," TEMPLATE "}", "spec.template.metadata.labels",
	         "Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`"},
	        {"{\"selector\":{\"app\":\"db\"}}", "spec.template", "Required value"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = rc_create(&f, rows[i].spec);
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "details.causes[0].field", rows[i].field);
		EXPECT_AT(&f, a, "details.causes[0].message", rows[i].message);
	}
	fake_fini(&f);
}

Test(scale, changes_replicas_and_nothing_else)
{
	struct fake f;
	fake_init(&f);
	rc_create(&f, "{" TEMPLATE "}");
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "replicationcontrollers/default/web/scale",
	                        "{\"spec\":{\"replicas\":5}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "kind", "Scale");
	EXPECT_AT(&f, a, "spec.replicas", "5");
	EXPECT_AT(&f, a, "status.selector", "app=web");
	a = fake_do(&f, OBJ_PATCH_MERGE, "replicationcontrollers/default/web", "{}");
	EXPECT_AT(&f, a, "kind", "ReplicationController");
	EXPECT_AT(&f, a, "spec.replicas", "5");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	a = fake_do(&f, OBJ_UPDATE, "replicationcontrollers/default/web/scale",
	            "{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"1\"},\"spec\":{"
	            "\"replicas\":1}}");
	EXPECT_CODE(&f, 409, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "replicationcontrollers/default/web/scale",
	            "{\"spec\":{\"replicas\":-5}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.replicas");
	a = fake_do(&f, OBJ_PATCH_MERGE, "replicationcontrollers/default/web/scale",
	            "{\"spec\":{\"replicas\":\"many\"}}");
	EXPECT_CODE(&f, 400, a);
	fake_fini(&f);
}

/* ---- what a plan rests on beside its object */

Test(basis, a_write_whose_basis_has_moved_on_does_nothing)
{
	struct fake f;
	fake_init(&f);
	rc_create(&f, "{" TEMPLATE "}");
	uint64_t version = f.version;
	struct store_compare basis = {.key = span_of("replicationcontrollers/default/web"),
	                              .field = STORE_MOD,
	                              .number = version};
	struct obj_request q = fake_request(&f, OBJ_CREATE, "pods/default", POD);
	q.basis = &basis;
	q.basis_count = 1;
	const char *a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	fake_do(&f, OBJ_PATCH_MERGE, "replicationcontrollers/default/web",
	        "{\"spec\":{\"replicas\":7}}");
	q = fake_request(
	        &f, OBJ_CREATE, "pods/default",
	        "{\"metadata\":{\"name\":\"two\"},\"spec\":{\"containers\":[{\"name\":\"c\","
	        "\"image\":\"i\"}]}}");
	q.basis = &basis;
	q.basis_count = 1;
	f.behind = true; /* the store knows what the reader does not */
	a = fake_send(&f, &q);
	EXPECT_CODE(&f, 409, a);
	cr_expect_not(holds(&f, "pods/default/two"));
	fake_fini(&f);
}
