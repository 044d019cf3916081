#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that what clients, tracers, meshes and edges add to each request, and
# members of the body that are ignored, keep nobody apart, are not sent in a
# call of several, and are sent by a request that goes alone; and that whatever
# may tell who a client is does keep them apart.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::JSON;

use constant N => 32;

my $t = Test::LLMBatch->new('headers of single requests')->has('llm_batch');

$t->conf(<<'EOF');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;
llm_batch_max_size 64;

location / {
    proxy_pass http://backend;
}
location /prefix/ {
    llm_batch_ignore_headers X-Noise-* X-Sound;
    proxy_pass http://backend/;
}
location /members/ {
    llm_batch_ignore_members user metadata;
    proxy_pass http://backend/;
}
location /balancer/ {
    llm_batch_credentials Authorization;
    llm_batch_ignore_headers Cookie;
    proxy_pass http://backend/;
}
location /secret/ {
    llm_batch_credentials Authorization X-Secret;
    llm_batch_tenant shared;
    proxy_pass http://backend/;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();

my @neutral = (

	# tracers and SDKs

	qw/ X-Amzn-Trace-Id x-ms-client-request-id X-Client-Request-Id
	X-Correlation-Id X-Request-Id Request-Id X-Trace-Id traceparent
	tracestate baggage b3 X-B3-TraceId X-B3-SpanId uber-trace-id
	uberctx-a sentry-trace x-datadog-trace-id x-datadog-parent-id newrelic
	elastic-apm-traceparent X-Dynatrace langsmith-trace grpc-trace-bin
	X-Stainless-Retry-Count X-Fern-Runtime X-Fern-Platform
	x-goog-api-client x-ms-useragent User-Agent X-OpenAI-Client-User-Agent
	sec-fetch-mode sec-ch-ua Accept Accept-Language Priority sw8
	sw8-correlation sw8-x X-NewRelic-ID X-NewRelic-Transaction X-Span-Id
	X-Kong-Request-Id /,

	# edges, balancers and meshes

	qw/ CF-Ray CF-Connecting-IP CF-IPCountry CDN-Loop True-Client-IP
	X-Amz-Cf-Id X-Azure-Ref X-Azure-ClientIP X-Cloud-Trace-Context
	Fastly-Client-IP X-Client-IP X-Cluster-Client-IP
	X-Original-Forwarded-For X-Forwarded-For X-Forwarded-Port
	X-Real-IP X-Request-Start X-Queue-Start X-Vercel-Id DO-Connecting-IP
	X-Envoy-External-Address X-Envoy-Attempt-Count X-Envoy-Internal
	X-Envoy-Peer-Metadata-Id X-LLM-Latency-Hint Via Forwarded
	X-Amzn-RequestId X-Amzn-Tls-Version X-Amzn-Tls-Cipher-Suite
	X-AppGW-Trace-Id X-ARR-LOG-ID CF-IPCity CF-Region CF-Timezone
	X-Akamai-Edgescape X-Vercel-Forwarded-For Fly-Client-IP Fly-Request-Id
	Fly-Region X-Railway-Request-Id Rndr-Id X-NF-Request-Id
	Incap-Client-IP /,
);

for my $name (@neutral) {
	calls("$name: one call", 1, map { { $name => "$name-$_" } } 1 .. N);
}

ok(!exists last_headers()->{forwarded}, 'not sent in it');

for my $name (qw/ X-User-Id X-Session-Id X-Forwarded-User X-Tenant Origin
	X-Forwarded-Client-Cert OpenAI-Organization X-Goog-User-Project
	X-Unheard-Of X-Amzn-Trace-Identity X-Amzn-Oidc-Identity
	X-Amzn-Mtls-Clientcert X-Consumer-ID CF-Access-Authenticated-User-Email
	X-Vercel-Oidc-Token /)
{
	calls("$name: each its own", N,
		map { { $name => "$name-$_" } } 1 .. N);
}

# what is the same if nothing is said

my @types = ('application/json', 'application/json; charset=utf-8',
	'Application/JSON;charset="UTF-8"', undef, 'application/json ;');

calls('JSON is JSON', 1, map { { 'Content-Type' => $_ } } @types);
is(last_headers()->{'content-type'}, 'application/json', 'and called so');
calls('others are others', 3, map { { 'Content-Type' => $_ } }
	'application/json', 'application/json; charset=latin1',
	'application/vnd.x+json');
calls('identity is no encoding', 1, {}, { 'Content-Encoding' => 'identity' });
ok(!exists last_headers()->{'content-encoding'}, 'nor is it sent');

# alone, a request is what it was

my ($alone) = $t->client()->request({ uri => $uri, body => body('alone'),
	headers => { 'CF-Ray' => 'ray', 'Content-Encoding' => 'identity',
		'Content-Type' => 'application/json; charset=utf-8' } });
my $call = ($mock->calls())[-1];

is(join(' ', map { $call->{headers}{$_} } qw/ cf-ray content-encoding
	content-type /), 'ray identity application/json; charset=utf-8',
	'alone it is as it was');

# directives

calls('a name with a star', 1, \'/prefix',
	map { { "X-Noise-$_" => $_, 'X-Sound' => $_ } } 1 .. 8);
calls('a name that is shorter', 4, \'/prefix',
	map { { 'X-Nois' => $_ } } 1 .. 4);

my @cookies = map { { Cookie => "lb=$_", Authorization => 'Bearer a' } }
	1 .. 8;

calls('cookies are credentials', 8, @cookies);
calls('unless they are not', 1, \'/balancer', @cookies);
ok(!exists last_headers()->{cookie}, 'then none is sent');

calls('a secret, with a shared tenant', 1, \'/secret',
	map { { 'X-Secret' => $_ } } 1 .. 8);
ok(!exists last_headers()->{'x-secret'}, 'is not sent if it differs');

# members of the body

for my $where ('', '/members') {
	my $n = $where ? 1 : 8;

	$mock->reset();

	my @r = $t->plugged($mock, [ map { { uri => $where . $uri, body => {
		%{body("$where of $_")}, user => "user $_",
		($_ % 2 ? (metadata => { id => $_, more => [ $_ ] }) : ()) } }
	} 1 .. 8 ], queued => 9 - $n);

	is(scalar(grep { is_right($_) } @r) . ' of 8 in '
		. ($mock->calls() - 1), "8 of 8 in $n",
		'members: ' . ($where || 'separate'));
}

is(join(' ', sort keys %{last_body()}), 'input model',
	'members: not sent in a call');

($alone) = $t->client()->request({ uri => "/members$uri",
	body => { %{body('alone')}, user => 'me' } });
is(last_body()->{user}, 'me', 'members: sent alone');

$t->done();


sub body ($text) { return { model => 'm', input => $text } }

# requests that differ in their headers only are sent in so many calls: of one
# like the first, which holds the slot, and of all that are like none

sub calls ($what, $n, @headers) {
	my $to = ref $headers[0] eq 'SCALAR' ? ${+shift @headers} . $uri : $uri;
	my $text = 0;

	$mock->reset();

	my @r = $t->plugged($mock, [ map { { uri => $to, headers => $_,
		body => body("$what " . $text++) } } @headers ],
		queued => @headers - $n + 1);

	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(scalar(grep { !is_right($_) } @r) . ' wrong, '
		. ($mock->calls() - 1) . ' calls', "0 wrong, $n calls", $what);

	return;
}

sub is_right ($r) { return Test::LLMBatch::own_answer_problem($r) eq '' }

sub last_body () { return decode_json(($mock->calls())[-1]{body}) }

sub last_headers () { return +($mock->calls())[-1]{headers} }
