/* Bearer tokens of strangers: none is taken for ours, whatever it says; and
 * whatever a payload says, reading it comes back, and what was read is
 * written so that it reads the same. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/access/claims.h"
#include "actors/access/jwt.h"
#include "broker/base/mem.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"eyJhbGciOiJub25lIn0.e30.",
	"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0.AAAA",
	"{\"iss\":\"https://kubernetes.default.svc.cluster.local\",\"sub\":\"system:serviceaccount:a:b\","
	"\"aud\":[\"x\"],\"exp\":1700000000,\"iat\":1,\"nbf\":1,\"jti\":\"u\",\"kubernetes.io\":{\"namespace\":\"a\","
	"\"serviceaccount\":{\"name\":\"b\",\"uid\":\"u\"},\"pod\":{\"name\":\"p\",\"uid\":\"q\"}}}",
	"{\"iss\":\"kubernetes/serviceaccount\",\"sub\":\"system:serviceaccount:a:b\","
	"\"kubernetes.io/serviceaccount/namespace\":\"a\",\"kubernetes.io/serviceaccount/secret.name\":\"s\","
	"\"kubernetes.io/serviceaccount/service-account.name\":\"b\","
	"\"kubernetes.io/serviceaccount/service-account.uid\":\"u\"}",
	NULL,
};

/* A key of this cluster, for tests alone. */
static const char pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
			  "MHcCAQEEIOMflsf+kdEImZKGlOy9w4GxoKFcrZ/KMTv6TlOz6rFDoAoGCCqGSM49\n"
			  "AwEHoUQDQgAEG4FK1HctAX6iBUlX+CB5skqjZM16MgYf/ccY4gzoIEXr6NUG7G7f\n"
			  "AwLfr6DknwGyvFkQ8VOBWFCgnf9ERGvdQg==\n"
			  "-----END EC PRIVATE KEY-----\n";

static struct jwt_key *key(void)
{
	static struct jwt_key *k;
	char file[40];
	struct err e;
	if (k)
		return k;
	int fd = memfd_create("key", MFD_CLOEXEC);
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
	fuzz_hold(fd >= 0 && write(fd, pem, sizeof pem - 1) == (ssize_t)sizeof pem - 1);
	fuzz_hold(jwt_key_open(&k, file, &e) == 0);
	close(fd);
	return k;
}

static void payload(struct span text)
{
	struct arena a = {0};
	struct claims c, again;
	struct identity who = {0};
	struct err e;
	struct buf out = {0};
	if (claims_read(&a, text, &c, &e) == 0) {
		(void)claims_check(&c, INT64_C(1700000000000000), NULL, 0);
		claims_identity(&a, &c, &who);
		claims_write(&out, &c);
		fuzz_hold(claims_read(&a, span_buf(&out), &again, &e) == 0);
		fuzz_hold(span_eq(c.namespace, again.namespace) &&
			  span_eq(c.account.name, again.account.name) && c.until_s == again.until_s);
	}
	buf_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size};
	struct buf out = {0};
	fuzz_hold(jwt_verify(key(), text, &out) != 0);
	buf_fini(&out);
	payload(text);
	return 0;
}
