#include "actors/access/jwt.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"

enum { HALF = 32, KEY_ID_DIGITS = 32 };

struct jwt_key {
	gnutls_privkey_t private;
	gnutls_pubkey_t public;
	unsigned char x[HALF], y[HALF];
	char id[KEY_ID_DIGITS + 1];
};

/* ---- base64 of URLs, without padding (RFC 4648, part 5) */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		uint32_t v = (uint32_t)s.data[i] << 16 |
			     (n > 1 ? (uint32_t)s.data[i + 1] << 8 : 0) |
			     (n > 2 ? s.data[i + 2] : 0);
		for (size_t k = 0; k <= n; k++)
			buf_putc(out, digits[v >> (18 - 6 * k) & 63]);
	}
}

static bool decode(struct buf *out, struct span s)
{
	uint32_t v = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.data[i] ? strchr(digits, s.data[i]) : NULL;
		if (!at)
			return false;
		v = v << 6 | (uint32_t)(at - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_putc(out, (char)(v >> bits));
		}
	}
	return s.len % 4 != 1;
}

/* ---- keys */

/* A coordinate in exactly 32 bytes. */
static void widen(unsigned char out[HALF], gnutls_datum_t d)
{
	size_t skip = d.size > HALF ? d.size - HALF : 0, n = d.size - skip;
	memset(out, 0, HALF);
	memcpy(out + HALF - n, d.data + skip, n);
}

static int read_public(struct jwt_key *k)
{
	gnutls_datum_t x, y;
	gnutls_ecc_curve_t curve;
	unsigned char sum[HALF];
	int rc = gnutls_pubkey_import_privkey(k->public, k->private, 0, 0);
	if (rc == 0)
		rc = gnutls_pubkey_export_ecc_raw(k->public, &curve, &x, &y);
	if (rc)
		return rc;
	widen(k->x, x);
	widen(k->y, y);
	gnutls_free(x.data);
	gnutls_free(y.data);
	rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, k->x, HALF, sum);
	for (size_t i = 0; i < KEY_ID_DIGITS / 2; i++)
		snprintf(k->id + 2 * i, 3, "%02x", sum[i]);
	return curve == GNUTLS_ECC_CURVE_SECP256R1 ? rc : GNUTLS_E_ECC_UNSUPPORTED_CURVE;
}

int jwt_key_open(struct jwt_key **out, const char *file, struct err *e)
{
	gnutls_datum_t pem;
	int rc = gnutls_load_file(file, &pem);
	if (rc)
		return err_set(e, ERR_NOT_FOUND, "%s: %s", file, gnutls_strerror(rc));
	struct jwt_key *k = mem_alloc(sizeof *k);
	gnutls_privkey_init(&k->private);
	gnutls_pubkey_init(&k->public);
	rc = gnutls_privkey_import_x509_raw(k->private, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	if (rc == 0)
		rc = read_public(k);
	if (rc) {
		jwt_key_close(k);
		return err_set(e, ERR_IO, "%s: %s", file, gnutls_strerror(rc));
	}
	*out = k;
	return 0;
}

void jwt_key_close(struct jwt_key *k)
{
	if (!k)
		return;
	gnutls_privkey_deinit(k->private);
	gnutls_pubkey_deinit(k->public);
	free(k);
}

/* ---- tokens */

/* GnuTLS signs in DER; a token has r and s side by side. */
static int sign_raw(const struct jwt_key *k, struct span text, unsigned char out[2 * HALF])
{
	gnutls_datum_t data = {(unsigned char *)text.data, (unsigned)text.len}, der, r, s;
	int rc = gnutls_privkey_sign_data2(k->private, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der);
	if (rc)
		return rc;
	rc = gnutls_decode_rs_value(&der, &r, &s);
	gnutls_free(der.data);
	if (rc)
		return rc;
	widen(out, r);
	widen(out + HALF, s);
	gnutls_free(r.data);
	gnutls_free(s.data);
	return 0;
}

int jwt_sign(const struct jwt_key *k, struct span payload, struct buf *out, struct err *e)
{
	char head[100];
	unsigned char raw[2 * HALF];
	size_t start = out->len;
	snprintf(head, sizeof head, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", k->id);
	encode(out, span_of(head));
	buf_putc(out, '.');
	encode(out, payload);
	int rc = sign_raw(k, (struct span){out->data + start, out->len - start}, raw);
	if (rc) {
		out->len = start;
		return err_set(e, ERR_IO, "a token cannot be signed: %s", gnutls_strerror(rc));
	}
	buf_putc(out, '.');
	encode(out, (struct span){raw, sizeof raw});
	return 0;
}

static bool verify_raw(const struct jwt_key *k, struct span text, struct span raw)
{
	if (raw.len != 2 * HALF)
		return false;
	gnutls_datum_t data = {(unsigned char *)text.data, (unsigned)text.len}, der;
	gnutls_datum_t r = {(unsigned char *)raw.data, HALF};
	gnutls_datum_t s = {(unsigned char *)raw.data + HALF, HALF};
	if (gnutls_encode_rs_value(&der, &r, &s))
		return false;
	int rc = gnutls_pubkey_verify_data2(k->public, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der);
	gnutls_free(der.data);
	return rc >= 0;
}

/* The head must name the one way of signing that we have: a token does not
 * choose how it is verified. */
static bool head_is_ours(struct span head)
{
	static const char alg[] = "\"alg\":\"ES256\"";
	struct buf b = {0};
	bool ours = decode(&b, head) && b.len && memmem(b.data, b.len, alg, sizeof alg - 1);
	buf_fini(&b);
	return ours;
}

int jwt_verify(const struct jwt_key *k, struct span token, struct buf *payload)
{
	const uint8_t *end = token.data + token.len;
	const uint8_t *one = token.len > JWT_BYTES_MAX ? NULL : memchr(token.data, '.', token.len);
	const uint8_t *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;
	struct buf raw = {0};
	if (!two || !head_is_ours((struct span){token.data, (size_t)(one - token.data)}))
		return ERR_INVALID;
	bool good = decode(&raw, (struct span){two + 1, (size_t)(end - two - 1)}) &&
		    verify_raw(k, (struct span){token.data, (size_t)(two - token.data)},
			       span_buf(&raw)) &&
		    decode(payload, (struct span){one + 1, (size_t)(two - one - 1)});
	buf_fini(&raw);
	return good ? 0 : ERR_INVALID;
}

int jwt_keys_document(const struct jwt_key *k, struct buf *out)
{
	buf_puts(out, "{\"keys\":[{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"");
	buf_puts(out, k->id);
	buf_puts(out, "\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"");
	encode(out, (struct span){k->x, HALF});
	buf_puts(out, "\",\"y\":\"");
	encode(out, (struct span){k->y, HALF});
	buf_puts(out, "\"}]}");
	return 0;
}
