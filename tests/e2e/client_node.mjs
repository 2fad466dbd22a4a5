// A program as users of @kubernetes/client-node write them, against a cluster
// of ours: each step prints `ok` or `not ok`. Usage: node client_node.mjs
// KUBECONFIG, with the package under NODE_PATH's folder.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import assert from 'node:assert/strict';

const require = createRequire(pathToFileURL(process.env.CLIENT_DIR + '/'));
const k8s = await import(pathToFileURL(require.resolve('@kubernetes/client-node')));

const config = new k8s.KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const batch = config.makeApiClient(k8s.BatchV1Api);
const rbac = config.makeApiClient(k8s.RbacAuthorizationV1Api);
const auth = config.makeApiClient(k8s.AuthorizationV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = 'node';

async function step(what, run) {
	try {
		await run();
		console.log(`ok ${what}`);
	} catch (e) {
		console.log(`not ok ${what}: ${e.stack} ${e.body ? JSON.stringify(e.body) : ''}`);
	}
}
// The refusal that a call ends with: its code and the Status in its body.
async function refused(call) {
	try {
		await call;
	} catch (e) {
		const status = typeof e.body === 'string' ? JSON.parse(e.body) : e.body;
		return { code: e.code, reason: status.reason, message: status.message, details: status.details };
	}
	assert.fail('was not refused');
}
// Until it holds; what an informer or a controller brings about.
async function eventually(holds, what) {
	const end = Date.now() + 20000;
	while (!(await holds())) {
		assert.ok(Date.now() < end, `never: ${what}`);
		await new Promise((r) => setTimeout(r, 20));
	}
}
const configMap = (name, data, labels) => ({ metadata: { name, labels }, data });
const container = { name: 'c', image: 'busybox', command: ['sleep', '1000'] };
const template = (app) => ({ metadata: { labels: { app } }, spec: { containers: [container] } });

await step('a namespace', () => core.createNamespace({ body: { metadata: { name: namespace } } }));
await step('its default account', () =>
	eventually(() => core.readNamespacedServiceAccount({ name: 'default', namespace }).catch(() => null), 'account'));

await step('an informer is told of what is there and of what comes', async () => {
	await core.createNamespacedConfigMap({ namespace, body: configMap('there', { a: '1' }, { seen: 'yes' }) });
	const said = [];
	const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`,
		() => core.listNamespacedConfigMap({ namespace, labelSelector: 'seen=yes' }), 'seen=yes');
	for (const event of ['add', 'update', 'delete']) {
		informer.on(event, (o) => said.push(`${event} ${o.metadata.name} ${o.data?.a}`));
	}
	informer.on('error', (e) => said.push(`error ${e}`));
	await informer.start();
	await core.createNamespacedConfigMap({ namespace, body: configMap('comes', { a: '2' }, { seen: 'yes' }) });
	await core.createNamespacedConfigMap({ namespace, body: configMap('other', { a: '3' }) });
	await core.replaceNamespacedConfigMap({ name: 'comes', namespace, body: configMap('comes', { a: '4' }, { seen: 'yes' }) });
	await core.deleteNamespacedConfigMap({ name: 'there', namespace });
	await eventually(() => said.length >= 4, `four events, but ${said}`);
	assert.deepEqual(said, ['add there 1', 'add comes 2', 'update comes 4', 'delete there 1']);
	await informer.stop();
});

await step('a refusal is an exception with its status', async () => {
	const missing = await refused(core.readNamespacedPod({ name: 'nobody', namespace }));
	assert.deepEqual(missing, { code: 404, reason: 'NotFound', message: 'pods "nobody" not found', details: { name: 'nobody', kind: 'pods' } });
	const twice = await refused(core.createNamespacedConfigMap({ namespace, body: configMap('comes') }));
	assert.equal(twice.reason, 'AlreadyExists');
	const wrong = await refused(core.createNamespacedPod({ namespace, body: { metadata: { name: 'A' }, spec: { containers: [] } } }));
	assert.equal(wrong.code, 422);
	assert.deepEqual(wrong.details.causes.map((c) => c.field), ['metadata.name', 'spec.containers']);
});

await step('a conflict, and the read that mends it', async () => {
	const old = await core.readNamespacedConfigMap({ name: 'comes', namespace });
	await core.replaceNamespacedConfigMap({ name: 'comes', namespace, body: { ...old, data: { a: '5' } } });
	assert.equal((await refused(core.replaceNamespacedConfigMap({ name: 'comes', namespace, body: old }))).code, 409);
	const now = await core.readNamespacedConfigMap({ name: 'comes', namespace });
	await core.replaceNamespacedConfigMap({ name: 'comes', namespace, body: { ...now, data: { a: '6' } } });
});

await step('the four patches', async () => {
	const patched = async (body, strategy) =>
		(await core.patchNamespacedConfigMap({ name: 'comes', namespace, body, fieldManager: 'node', force: strategy === k8s.PatchStrategy.ServerSideApply || undefined },
			k8s.setHeaderOptions('Content-Type', strategy))).data;
	assert.deepEqual(await patched([{ op: 'add', path: '/data/b', value: '1' }], k8s.PatchStrategy.JsonPatch), { a: '6', b: '1' });
	assert.deepEqual(await patched({ data: { a: null } }, k8s.PatchStrategy.MergePatch), { b: '1' });
	assert.deepEqual(await patched({ data: { c: '2' } }, k8s.PatchStrategy.StrategicMergePatch), { b: '1', c: '2' });
	assert.deepEqual(await patched({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'comes' }, data: { d: '3' } },
		k8s.PatchStrategy.ServerSideApply), { b: '1', c: '2', d: '3' });
});

await step('lists in pages', async () => {
	for (let i = 0; i < 7; i++) {
		await core.createNamespacedSecret({ namespace, body: { metadata: { name: `s${i}`, labels: { page: 'y' } }, stringData: { k: `${i}` } } });
	}
	const names = [];
	let _continue;
	do {
		const page = await core.listNamespacedSecret({ namespace, labelSelector: 'page=y', limit: 3, _continue });
		names.push(...page.items.map((s) => `${s.metadata.name}=${Buffer.from(s.data.k, 'base64')}`));
		_continue = page.metadata._continue;
	} while (_continue);
	assert.deepEqual(names, ['s0=0', 's1=1', 's2=2', 's3=3', 's4=4', 's5=5', 's6=6']);
});

await step('objects of any kind, found by discovery', async () => {
	const made = await objects.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any', namespace },
		spec: { replicas: 0, selector: { matchLabels: { app: 'any' } }, template: template('any') } });
	assert.equal(made.spec.strategy.type, 'RollingUpdate');
	assert.ok(made.metadata.creationTimestamp instanceof Date);
	const applied = await objects.patch({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any', namespace }, spec: { paused: true } },
		undefined, undefined, 'node', undefined, k8s.PatchStrategy.MergePatch);
	assert.equal(applied.spec.paused, true);
	const listed = await objects.list('apps/v1', 'Deployment', namespace);
	assert.deepEqual(listed.items.map((d) => d.metadata.name), ['any']);
	await objects.delete({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any', namespace } });
	assert.equal((await refused(objects.read({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any', namespace } }))).code, 404);
});

await step('typed kinds of other groups', async () => {
	const d = await apps.createNamespacedDeployment({ namespace, body: { metadata: { name: 'web' },
		spec: { selector: { matchLabels: { app: 'web' } }, template: template('web'), strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } } } } });
	assert.equal(d.spec.strategy.rollingUpdate.maxSurge, '25%');
	assert.equal(d.spec.strategy.rollingUpdate.maxUnavailable, 1);
	// Its controller writes it, too: whoever read it before that reads it again.
	for (let code = 409; code === 409;) {
		const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace });
		code = await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace, body: { ...scale, spec: { replicas: 0 } } })
			.then(() => 200, (e) => { if (e.code !== 409) throw e; return e.code; });
	}
	assert.equal((await apps.readNamespacedDeployment({ name: 'web', namespace })).spec.replicas, 0);
	const job = await batch.createNamespacedJob({ namespace, body: { metadata: { generateName: 'j-' },
		spec: { suspend: true, template: { spec: { containers: [container], restartPolicy: 'Never' } } } } });
	assert.match(job.metadata.name, /^j-[a-z0-9]{5}$/);
	await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] } });
	const may = await auth.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { namespace, verb: 'create', resource: 'pods' } } } });
	assert.equal(may.status.allowed, true);
});

await step('a token of an account', async () => {
	const token = await core.createNamespacedServiceAccountToken({ name: 'default', namespace, body: { spec: { audiences: [], expirationSeconds: 3600 } } });
	assert.equal(token.status.token.split('.').length, 3);
});

await step('a pod runs, its log is read and followed', async () => {
	await core.createNamespacedPod({ namespace, body: { metadata: { name: 'p' }, spec: { restartPolicy: 'Never',
		containers: [{ ...container, command: ['sh', '-c', 'echo one; echo two; exec sleep 1000'] }] } } });
	await eventually(async () => (await core.readNamespacedPodStatus({ name: 'p', namespace })).status.phase === 'Running', 'runs');
	await eventually(async () => (await core.readNamespacedPodLog({ name: 'p', namespace })) === 'one\ntwo\n', 'its log');
	const into = new PassThrough();
	const following = await new k8s.Log(config).log(namespace, 'p', 'c', into, { follow: true, tailLines: 1 });
	assert.equal(String((await once(into, 'data'))[0]), 'two\n');
	following.abort();
});

await step('a watch, closed by the one who watches', async () => {
	const seen = [];
	const list = await core.listNamespacedPod({ namespace });
	const request = await new k8s.Watch(config).watch(`/api/v1/namespaces/${namespace}/pods`,
		{ resourceVersion: list.metadata.resourceVersion, allowWatchBookmarks: true },
		(type, o) => seen.push(`${type} ${o.metadata.name}`), () => {});
	await core.deleteNamespacedPod({ name: 'p', namespace, gracePeriodSeconds: 0 });
	await eventually(() => seen.includes('DELETED p'), 'deleted');
	request.abort();
});

await step('a collection is deleted', async () => {
	await core.deleteCollectionNamespacedSecret({ namespace, labelSelector: 'page=y' });
	assert.equal((await core.listNamespacedSecret({ namespace, labelSelector: 'page=y' })).items.length, 0);
});
await step('the namespace goes', async () => {
	await core.deleteNamespace({ name: namespace });
	await eventually(async () => (await core.readNamespace({ name: namespace }).catch((e) => e.code)) === 404, 'gone');
});
process.exit(); // an informer that was stopped may still dial
