#include "tools/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/bytes.h"

/* ---- files */

static int write_file(const char *path, const void *data, size_t n, struct err *e)
{
	char temp[600];
	snprintf(temp, sizeof temp, "%s.new", path);
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, data, n) == (ssize_t)n && fsync(fd) == 0;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (good && rename(temp, path) == 0)
		return 0;
	errno = good ? errno : why;
	return err_set(e, ERR_IO, "%s: %m", path);
}

static int read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return ERR_NOT_FOUND;
	buf_reserve(out, 65536);
	out->len = fread(out->data, 1, 65535, f);
	fclose(f);
	return out->len ? 0 : ERR_NOT_FOUND;
}

static const char *in_dir(const struct pki *p, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", p->dir, name);
	return out;
}

/* ---- keys and certificates */

static int tls(struct err *e, int rc, const char *what)
{
	return rc < 0 ? err_set(e, ERR_IO, "%s: %s", what, gnutls_strerror(rc)) : 0;
}

static int save_key(const struct pki *p, const char *name, gnutls_x509_privkey_t key,
		    struct err *e)
{
	gnutls_datum_t pem;
	char path[512];
	int rc = tls(e, gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
							   GNUTLS_PKCS_PLAIN, &pem), name);
	if (rc)
		return rc;
	rc = write_file(in_dir(p, name, path), pem.data, pem.size, e);
	gnutls_free(pem.data);
	return rc;
}

static int save_cert(const struct pki *p, const char *name, gnutls_x509_crt_t crt, struct err *e)
{
	gnutls_datum_t pem;
	char path[512];
	int rc = tls(e, gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), name);
	if (rc)
		return rc;
	rc = write_file(in_dir(p, name, path), pem.data, pem.size, e);
	gnutls_free(pem.data);
	return rc;
}

static int new_key(gnutls_x509_privkey_t *key, struct err *e)
{
	gnutls_x509_privkey_init(key);
	return tls(e,
		   gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
						GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		   "a key cannot be made");
}

static void set_common(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
	unsigned char serial[16];
	time_t now = time(NULL);
	gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
	serial[0] &= 0x7f;
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
	gnutls_x509_crt_set_activation_time(crt, now - 3600);
	gnutls_x509_crt_set_expiration_time(crt, now + (time_t)PKI_DAYS * 86400);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
				      (unsigned)strlen(name));
	gnutls_x509_crt_set_key(crt, key);
}

static int make_ca(const struct pki *p, struct err *e)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	int rc = new_key(&key, e);
	gnutls_x509_crt_init(&crt);
	if (rc == 0) {
		set_common(crt, key, "troupe-ca");
		gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN |
							   GNUTLS_KEY_DIGITAL_SIGNATURE);
		rc = tls(e, gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), "ca");
	}
	if (rc == 0)
		rc = save_key(p, "ca.key", key, e);
	if (rc == 0)
		rc = save_cert(p, "ca.crt", crt, e);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return rc;
}

static int make_accounts_key(const struct pki *p, struct err *e)
{
	gnutls_x509_privkey_t key;
	int rc = new_key(&key, e);
	if (rc == 0)
		rc = save_key(p, "sa.key", key, e);
	gnutls_x509_privkey_deinit(key);
	return rc;
}

struct ca {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

static int load_ca(const struct pki *p, struct ca *ca, struct err *e)
{
	char path[512];
	struct buf key = {0}, crt = {0};
	gnutls_x509_privkey_init(&ca->key);
	gnutls_x509_crt_init(&ca->crt);
	int rc = read_file(in_dir(p, "ca.key", path), &key);
	if (rc == 0)
		rc = read_file(in_dir(p, "ca.crt", path), &crt);
	gnutls_datum_t k = {key.data, (unsigned)key.len}, c = {crt.data, (unsigned)crt.len};
	if (rc == 0)
		rc = tls(e, gnutls_x509_privkey_import(ca->key, &k, GNUTLS_X509_FMT_PEM), path);
	if (rc == 0)
		rc = tls(e, gnutls_x509_crt_import(ca->crt, &c, GNUTLS_X509_FMT_PEM), path);
	buf_fini(&key);
	buf_fini(&crt);
	return rc;
}

static void ca_fini(struct ca *ca)
{
	gnutls_x509_privkey_deinit(ca->key);
	gnutls_x509_crt_deinit(ca->crt);
}

static void add_names(gnutls_x509_crt_t crt, const char *address, const char *service)
{
	static const char *const names[] = {"localhost", "kubernetes", "kubernetes.default",
					    "kubernetes.default.svc",
					    "kubernetes.default.svc.cluster.local"};
	const char *const ips[] = {"127.0.0.1", service};
	unsigned char ip[4];
	char host[64];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, names[i],
						     (unsigned)strlen(names[i]),
						     GNUTLS_FSAN_APPEND);
	for (size_t i = 0; i < sizeof ips / sizeof *ips; i++) {
		if (inet_pton(AF_INET, ips[i], ip) != 1)
			continue;
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4,
						     GNUTLS_FSAN_APPEND);
	}
	snprintf(host, sizeof host, "%.*s", (int)strcspn(address, ":"), address);
	if (inet_pton(AF_INET, host, ip) == 1)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4,
						     GNUTLS_FSAN_APPEND);
}

static int make_server(const struct pki *p, const char *address, const char *service, struct err *e)
{
	struct ca ca;
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt;
	gnutls_x509_crt_init(&crt);
	int rc = load_ca(p, &ca, e);
	if (rc == 0)
		rc = new_key(&key, e);
	if (rc == 0) {
		set_common(crt, key, "kube-apiserver");
		add_names(crt, address, service);
		gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
		gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
		rc = tls(e, gnutls_x509_crt_sign2(crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0),
			 "server certificate");
	}
	if (rc == 0)
		rc = save_key(p, "api.key", key, e);
	if (rc == 0)
		rc = save_cert(p, "api.crt", crt, e);
	gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	ca_fini(&ca);
	return rc;
}

/* ---- the token */

static int ensure_token(struct pki *p, struct err *e)
{
	char path[512];
	struct buf b = {0};
	unsigned char raw[PKI_TOKEN_BYTES];
	if (read_file(in_dir(p, "token", path), &b) == 0 && b.len >= 2 * PKI_TOKEN_BYTES) {
		memcpy(p->token, b.data, 2 * PKI_TOKEN_BYTES);
		buf_fini(&b);
		return 0;
	}
	buf_fini(&b);
	gnutls_rnd(GNUTLS_RND_KEY, raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(p->token + 2 * i, 3, "%02x", raw[i]);
	return write_file(path, p->token, 2 * PKI_TOKEN_BYTES, e);
}

int pki_ensure(struct pki *p, const char *data_dir, const char *address, const char *service,
	       struct err *e)
{
	char path[512], marker[128];
	struct buf for_address = {0};
	memset(p, 0, sizeof *p);
	snprintf(p->dir, sizeof p->dir, "%s/pki", data_dir);
	if (mkdir(p->dir, 0700) && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %m", p->dir);
	int rc = access(in_dir(p, "ca.crt", path), R_OK) ? make_ca(p, e) : 0;
	if (rc == 0 && access(in_dir(p, "sa.key", path), R_OK))
		rc = make_accounts_key(p, e);
	snprintf(marker, sizeof marker, "%s", address);
	bool same = read_file(in_dir(p, "api.address", path), &for_address) == 0 &&
		    span_is(span_buf(&for_address), marker) &&
		    access(in_dir(p, "api.crt", path), R_OK) == 0;
	if (rc == 0 && !same)
		rc = make_server(p, address, service, e);
	if (rc == 0 && !same)
		rc = write_file(in_dir(p, "api.address", path), marker, strlen(marker), e);
	buf_fini(&for_address);
	return rc ? rc : ensure_token(p, e);
}

int pki_kubeconfig(const struct pki *p, const char *file, const char *address, struct err *e)
{
	char path[512];
	struct buf ca = {0}, out = {0};
	gnutls_datum_t text = {0};
	int rc = read_file(in_dir(p, "ca.crt", path), &ca);
	if (rc)
		return err_set(e, rc, "%s: cannot be read", path);
	gnutls_datum_t raw = {ca.data, (unsigned)ca.len};
	rc = tls(e, gnutls_base64_encode2(&raw, &text), "base64");
	if (rc == 0) {
		buf_printf(&out,
			   "apiVersion: v1\nkind: Config\nclusters:\n- name: troupe\n  cluster:\n"
			   "    server: https://%s\n    certificate-authority-data: %.*s\n"
			   "users:\n- name: admin\n  user:\n    token: %s\n"
			   "contexts:\n- name: troupe\n  context:\n    cluster: troupe\n"
			   "    user: admin\ncurrent-context: troupe\n",
			   address, (int)text.size, (const char *)text.data, p->token);
		rc = write_file(file, out.data, out.len, e);
	}
	gnutls_free(text.data);
	buf_fini(&ca);
	buf_fini(&out);
	return rc;
}
