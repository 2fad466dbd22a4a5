/* Service accounts' tokens: what they say, and who signed them. */
#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/access/claims.h"
#include "actors/access/verified.h"

enum { S = 1000000 };

static struct claims bound(const struct doc *audiences)
{
	return (struct claims){
		.id = span_of("id-1"),
		.namespace = span_of("shop"),
		.account = {span_of("till"), span_of("uid-1")},
		.bound[CLAIMS_POD] = {span_of("web"), span_of("uid-2")},
		.issued_s = 1000,
		.until_s = 4600,
		.audiences = audiences,
	};
}

Test(claims, are_read_as_they_were_written)
{
	struct arena a = {0};
	struct buf b = {0};
	struct claims c;
	struct identity who = {0};
	struct doc *audiences = doc_new(&a, DOC_ARRAY);
	doc_add(audiences, doc_str(&a, CLAIMS_ISSUER));
	doc_add(audiences, doc_str(&a, "vault"));
	struct claims written = bound(audiences);
	claims_write(&b, &written);
	cr_assert_eq(claims_read(&a, span_buf(&b), &c, NULL), 0);
	cr_expect(span_is(c.subject, "system:serviceaccount:shop:till"));
	cr_expect(span_is(c.bound[CLAIMS_POD].uid, "uid-2"));
	struct span vault = span_of("vault"), other = span_of("other");
	cr_expect_eq(claims_check(&c, (int64_t)1000 * S, NULL, 0), 0);
	cr_expect_eq(claims_check(&c, (int64_t)4599 * S, &vault, 1), 0);
	cr_expect_neq(claims_check(&c, (int64_t)4600 * S, NULL, 0), 0, "it has ended");
	cr_expect_neq(claims_check(&c, (int64_t)999 * S, NULL, 0), 0, "it has not begun");
	cr_expect_neq(claims_check(&c, (int64_t)1000 * S, &other, 1), 0, "for another audience");
	claims_identity(&a, &c, &who);
	cr_expect(span_is(who.name, "system:serviceaccount:shop:till"));
	cr_expect(identity_is_in(&who, "system:serviceaccounts"));
	cr_expect(identity_is_in(&who, "system:serviceaccounts:shop"));
	cr_expect_not(identity_is_in(&who, GROUP_MASTERS));
	buf_fini(&b);
	arena_fini(&a);
}

/* As Go's maps are written: in the order of their names. */
Test(claims, tell_a_pod_and_its_node)
{
	struct arena a = {0};
	struct buf b = {0};
	struct claims c, written = bound(NULL);
	struct identity who = {0};
	written.bound[CLAIMS_NODE].name = span_of("n1");
	claims_write(&b, &written);
	cr_expect(strstr((const char *)b.data,
			 "{\"namespace\":\"shop\",\"node\":{\"name\":\"n1\"},\"pod\":{"),
		  "%.*s", (int)b.len, (const char *)b.data);
	buf_fini(&b);
	written.bound[CLAIMS_NODE].uid = span_of("uid-3");
	claims_write(&b, &written);
	cr_assert_eq(claims_read(&a, span_buf(&b), &c, NULL), 0);
	claims_identity(&a, &c, &who);
	static const char *const told[][2] = {
		{"node-name", "n1"}, {"node-uid", "uid-3"}, {"pod-name", "web"}, {"pod-uid", "uid-2"}};
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		const struct doc *d = doc_get(
			who.extra, arena_printf(&a, "authentication.kubernetes.io/%s", told[i][0]));
		cr_expect(d && span_is(d->first->text, told[i][1]), "%s", told[i][0]);
	}
	buf_fini(&b);
	arena_fini(&a);
}

Test(claims, of_secrets_have_no_end_and_one_audience)
{
	struct arena a = {0};
	struct buf b = {0};
	struct claims c, written = bound(NULL);
	struct span vault = span_of("vault");
	written.until_s = 0;
	written.bound[CLAIMS_SECRET].name = span_of("till-token-abcde");
	claims_write(&b, &written);
	cr_assert_eq(claims_read(&a, span_buf(&b), &c, NULL), 0);
	cr_expect(span_is(c.bound[CLAIMS_SECRET].name, "till-token-abcde"));
	cr_expect_eq(claims_check(&c, INT64_MAX, NULL, 0), 0);
	cr_expect_neq(claims_check(&c, 0, &vault, 1), 0);
	buf_fini(&b);
	arena_fini(&a);
}

/* RFC 7519: a list, or one text; nothing else is anybody. */
Test(claims, an_audience_may_stand_alone)
{
	static const struct {
		const char *aud;
		int good;
	} rows[] = {{"[\"x\",1]", 0}, {"\"x\"", 0}, {"\"y\"", ERR_FORBIDDEN}, {"1", ERR_FORBIDDEN},
		    {"{\"x\":\"x\"}", ERR_FORBIDDEN}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[300];
		struct arena a = {0};
		struct claims c;
		struct err e = {0};
		struct span wanted = span_of("x");
		snprintf(text, sizeof text,
			 "{\"aud\":%s,\"exp\":50,\"iss\":\"" CLAIMS_ISSUER "\",\"sub\":\"system:serviceaccount:a:b\","
			 "\"kubernetes.io\":{\"namespace\":\"a\",\"serviceaccount\":{\"name\":\"b\",\"uid\":\"c\"}}}",
			 rows[i].aud);
		cr_assert_eq(claims_read(&a, span_of(text), &c, &e), 0, "%s", e.text);
		cr_expect_eq(claims_check(&c, 1000000, &wanted, 1), rows[i].good, "%s", rows[i].aud);
		arena_fini(&a);
	}
}

Test(claims, that_name_nobody_are_refused)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"iss\":\"x\",\"sub\":\"system:serviceaccount:a:b\"}",
		/* no end */
		"{\"kubernetes.io\":{\"namespace\":\"a\",\"serviceaccount\":{\"name\":\"b\","
		"\"uid\":\"c\"}}}",
		/* no uid */
		"{\"exp\":5,\"kubernetes.io\":{\"namespace\":\"a\",\"serviceaccount\":{\"name\":"
		"\"b\"}}}",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena a = {0};
		struct claims c;
		struct err e = {0};
		cr_expect_eq(claims_read(&a, span_of(wrong[i]), &c, &e), ERR_INVALID, "%s",
			     wrong[i]);
		arena_fini(&a);
	}
}

/* ---- signatures */

static struct jwt_key *new_key(void)
{
	char file[] = "/tmp/troupe-key-XXXXXX";
	int fd = mkstemp(file);
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem;
	struct jwt_key *k = NULL;
	struct err e = {0};
	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
	cr_assert_eq(write(fd, pem.data, pem.size), (ssize_t)pem.size);
	close(fd);
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(key);
	cr_assert_eq(jwt_key_open(&k, file, &e), 0, "%s", e.text);
	unlink(file);
	return k;
}

Test(jwt, only_what_our_key_has_signed_is_read)
{
	struct jwt_key *ours = new_key(), *theirs = new_key();
	struct buf token = {0}, payload = {0};
	for (int round = 0; round < 50; round++) { /* some numbers are short */
		token.len = payload.len = 0;
		cr_assert_eq(jwt_sign(ours, span_of("{\"a\":1}"), &token, NULL), 0);
		cr_assert_eq(jwt_verify(ours, span_buf(&token), &payload), 0);
		cr_assert(span_is(span_buf(&payload), "{\"a\":1}"));
	}
	payload.len = 0;
	cr_expect_eq(jwt_verify(theirs, span_buf(&token), &payload), ERR_INVALID);
	for (size_t i = 0; i < token.len; i += 7) { /* one character is another one */
		uint8_t was = token.data[i];
		token.data[i] = was == 'A' ? 'B' : 'A';
		payload.len = 0;
		cr_expect_eq(jwt_verify(ours, span_buf(&token), &payload), ERR_INVALID, "%zu", i);
		token.data[i] = was;
	}
	buf_fini(&token);
	buf_fini(&payload);
	jwt_key_close(ours);
	jwt_key_close(theirs);
}

Test(jwt, a_token_does_not_choose_how_it_is_verified)
{
	/* {"alg":"none"}, {"alg":"HS256"}, and our own without a signature */
	static const char *const heads[] = {"eyJhbGciOiJFUzI1NiJ9",
					    "eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", "",
					    "...", "."};
	struct jwt_key *k = new_key();
	struct buf payload = {0};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char token[200];
		snprintf(token, sizeof token, "%s.eyJhIjoxfQ.", heads[i]);
		cr_expect_eq(jwt_verify(k, span_of(token), &payload), ERR_INVALID, "%s", token);
	}
	buf_fini(&payload);
	jwt_key_close(k);
}

Test(verified, the_last_ones_are_known)
{
	static struct verified v;
	struct jwt_key *k = new_key();
	struct buf token = {0};
	char text[40];
	for (int i = 0; i < VERIFIED_MAX + 10; i++) {
		token.len = 0;
		snprintf(text, sizeof text, "{\"n\":%d}", i);
		cr_assert_eq(jwt_sign(k, span_of(text), &token, NULL), 0);
		cr_assert(span_is(verified_find(&v, k, span_buf(&token)), text));
		cr_assert(span_is(verified_find(&v, k, span_buf(&token)), text));
	}
	cr_expect_eq(v.by_token.count, VERIFIED_MAX);
	cr_expect_eq(verified_find(&v, k, span_of("a.b.c")).len, 0);
	cr_expect_eq(verified_find(&v, NULL, span_buf(&token)).len, 0,
		     "without a key nobody is known");
	buf_fini(&token);
	verified_fini(&v);
	jwt_key_close(k);
}
