#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a location goes on working as it did: where a request goes, who
# may send it and what is answered instead of an error are decided by the
# location's own directives, for a merged call as for a request on its own.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('routing')
	->has(qw/ llm_batch http_rewrite http_map http_limit_req
		http_auth_request /);
my $mock = $t->backend();
my $other = $t->backend(8082);
my $uri = '/v1/embeddings';

my $http = <<'EOF';
upstream other { server %%ADDR%%:8082 max_fails=0; keepalive 16; }

map $llm_batch_model $pool {
    default    backend;
    ~^other    other;
}
map $llm_batch_adapter $api {
    openai_embeddings  openai;
    ollama_embed       ollama;
    default            none;
}
limit_req_zone $http_x_client zone=client:1m rate=1r/m;

server {
    listen %%ADDR%%:8090;
    location / {
        if ($http_authorization = "") { return 401; }
        add_header X-User $http_authorization;
        return 204;
    }
}
EOF

my $locations = <<'EOF';
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
llm_batch_fallback_limit 100%;
llm_batch_breaker failures=100 cooldown=1s;

location / {
    proxy_pass http://backend;
}
location /model/ {
    proxy_set_header X-Model $llm_batch_model;
    proxy_pass http://$pool;
}
location /adapter/ {
    proxy_set_header X-Group $llm_batch_group;
    proxy_pass http://backend/$api$uri;
}
location ~ ^/plain/ {
    proxy_pass http://backend;
}
location ~ ^/capture/(\w+)/(?<rest>.+)$ {
    proxy_set_header X-Rest $rest;
    proxy_pass http://backend/$1/to/$rest;
}
location ~ ^/stale/(?<rest>\w+)/ {
    if ($arg_a ~ b) {
        set $flag ab;
    }
    proxy_set_header X-Rest $rest;
    proxy_pass http://backend;
}
location /rewritten/ {
    rewrite ^/rewritten/(\w+)/(.*)$ /$2?from=$1 break;
    proxy_pass http://backend;
}
location /moved/ {
    rewrite ^/moved(/.*)$ /model$1 last;
}
location /if/ {
    set $flag none;
    if ($arg_flag) {
        set $flag $arg_flag;
        proxy_pass http://other;
    }
    if ($arg_off) {
        llm_batch off;
    }
    proxy_set_header X-Flag $flag;
    proxy_pass http://backend;
}
location /auth/ {
    auth_request /allowed;
    auth_request_set $user $upstream_http_x_user;
    proxy_set_header X-User $user;
    proxy_pass http://backend/;
}
location = /allowed {
    internal;
    llm_batch off;
    proxy_pass http://%%ADDR%%:8090;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}
location /limited/ {
    limit_req zone=client burst=8 nodelay;
    proxy_pass http://backend/;
}
location /denied/ {
    deny all;
    proxy_pass http://backend/;
}
location /fallback/ {
    error_page 502 = @other;
    proxy_pass http://%%ADDR%%:8099;
}
location @other {
    proxy_pass http://other;
}
location /fallback_off/ {
    error_page 502 = @other_off;
    proxy_pass http://%%ADDR%%:8099;
}
location @other_off {
    llm_batch off;
    add_header X-Redirected yes;
    proxy_pass http://other;
}
location /pages/ {
    proxy_intercept_errors on;
    error_page 404 500 /error.html;
    proxy_pass http://backend/;
}
location /pages_off/ {
    error_page 404 500 /error.html;
    proxy_pass http://backend/;
}
location = /error.html {
    internal;
    return 200 "page";
}
location /private/ {
    internal;
    return 200 "private $uri";
}
EOF

for my $workers (1, 4) {
	my ($in_http, $in_server) = ($http, $locations);

	s/%%ADDR%%/$t->addr()/ge for $in_http, $in_server;
	$t->conf($in_server, http => $in_http, workers => $workers);
	$t->run();

	models();
	uris();
	rewrites();
	access();
	fallbacks();
	pages();
	redirects();

	$t->quit() if $workers == 1;
}

$t->expect(qr/upstream prematurely|connect\(\) failed/);
$t->done();


sub of ($uri, $text, %body) {
	return { uri => $uri, body => { model => 'm', input => $text, %body } };
}

# n requests like this one that meet, and their call

sub met ($name, $like, $n = 4, %o) {
	my $backend = $o{backend} // $mock;
	my $headers = $like->{headers} // {};

	$_->reset() for $mock, $other;

	my @r = $t->plugged($backend, [ map { {
		%$like, body => { %{$like->{body}}, input => "text $_" },
		headers => { %$headers, 'X-Client' => $o{client} // 'c',
			'X-Request-Id' => $_ },
	} } 1 .. $n ]);

	is_own_answer(\@r, $name);
	is(join(' ', map { $_->{items} } $backend->calls()), "1 $n",
		"$name: one call");

	return ($backend->calls())[-1];
}

# bodies that are not held go the same way

sub same_way ($name, $like, $call, $backend = $mock) {
	for ([ 'bypassed', stream => \1 ], [ 'bypassed, a scalar', x => \0 ]) {
		my ($how, @more) = @$_;
		$_->reset() for $mock, $other;

		$t->request({ %$like, body => { %{$like->{body}}, @more } });

		my ($alone) = $backend->calls();
		is($alone->{uri}, $call->{uri}, "$name: $how: URI");
		is(join(' ', map { $alone->{headers}{$_} // '-' }
			qw/ x-model x-rest x-flag x-group host /),
			join(' ', map { $call->{headers}{$_} // '-' }
			qw/ x-model x-rest x-flag x-group host /),
			"$name: $how: headers");
	}
}

sub models {
	for ([ 'm', $mock ], [ 'other-1', $other ],
		[ "other \x{e9}\"\\", $other ], [ '', $mock ])
	{
		my ($model, $backend) = @$_;
		my $like = of("/model$uri", 'x', model => $model);
		my $name = "by model, '" . encode_json([ $model ]) . "'";
		my $call = met($name, $like, 4, backend => $backend);

		is($call->{headers}{'x-model'} // '',
			Encode::encode_utf8($model), "$name: variable");
		same_way($name, $like, $call, $backend);
	}

	# two models at once

	$_->reset() for $mock, $other;

	my @r = $t->burst(16, "/model$uri", sub ($i) {
		return { model => $i % 2 ? 'm' : 'other', input => "text $i" }
	});

	is_own_answer(\@r, 'by model: both at once');
	is((grep { $_->{body} !~ /"model":"other"/ } $other->calls()), 0,
		'by model: nothing else goes there');
	is($mock->items() . ' ' . $other->items(), '8 8',
		'by model: all go there');

	my $like = of("/adapter$uri", 'x');
	my $call = met('by adapter', $like);

	is($call->{uri}, "/openai/adapter$uri", 'by adapter: URI');
	is($call->{headers}{'x-group'}, ':m', 'by adapter: group');
	same_way('by adapter', $like, $call);
}

sub uris {
	my $like = of('/capture/one/v1/embeddings', 'x');
	my $call = met('captures', $like);

	is($call->{uri}, '/one/to/v1/embeddings', 'captures: URI');
	is($call->{headers}{'x-rest'}, 'v1/embeddings', 'captures: by name');
	same_way('captures', $like, $call);

	# expressions without captures, the second behind one with

	$like = of("/plain$uri", 'x');
	$call = met('no captures', $like);
	same_way('no captures', $like, $call);

	my $long = 'x' x 300;

	$like = of("/stale/$long$uri?a=b", 'x');
	$call = met('captures, then none', $like);
	is($call->{headers}{'x-rest'}, $long, 'captures, then none: by name');
	same_way('captures, then none', $like, $call);

	$like = of("$uri?a=1&b=%20", 'x');
	$call = met('arguments', $like);
	is($call->{uri}, "$uri?a=1&b=%20", 'arguments: URI');

	$like = of('/v1/%65mbeddings', 'x');
	$call = met('an escaped URI', $like);
	same_way('an escaped URI', $like, $call);
}

sub rewrites {
	my $like = of("/rewritten/one$uri?a=1", 'x');
	my $call = met('rewrite, break', $like);

	is($call->{uri}, "$uri?from=one&a=1", 'rewrite, break: URI');
	same_way('rewrite, break', $like, $call);

	$like = of("/moved$uri", 'x', model => 'other');
	$call = met('rewrite, last', $like, 4, backend => $other);
	same_way('rewrite, last', $like, $call, $other);

	$like = of("/if$uri", 'x');
	$call = met('if, false', $like);
	is($call->{headers}{'x-flag'}, 'none', 'if, false: set');
	same_way('if, false', $like, $call);

	$like = of("/if$uri?flag=f", 'x');
	$call = met('if, true', $like, 4, backend => $other);
	is($call->{uri}, "/if$uri?flag=f", 'if, true: URI');
	same_way('if, true', $like, $call, $other);

	my $r = $t->request(of("/if$uri?off=1", 'x'));
	is_own_answer($r, 'if, off');
	is($r->{headers}{'x-status'}, undef, 'if, off: status');
}

sub access {
	my %key = (headers => { Authorization => 'Bearer k' });
	my $call = met('auth_request', { %{of("/auth$uri", 'x')}, %key });

	is($call->{headers}{'x-user'}, 'Bearer k',
		'auth_request_set: is sent on');

	$mock->reset();
	is($t->request(of("/auth$uri", 'x'))->{status}, 401,
		'auth_request: refused');
	is($t->request(of("/denied$uri", 'x'))->{status}, 403, 'deny');
	is($mock->count(), 0, 'access: nothing is sent');

	# the plug and 8 requests are let in, the call is not counted

	my $client = "client of $$ " . rand();
	my $like = of("/limited$uri", 'x');

	$call = met('limit_req', { %$like,
		headers => { 'X-Client' => $client } }, 8, client => $client);
	is($t->request({ %$like, headers => { 'X-Client' => $client } })
		->{status}, 503, 'limit_req: one more is refused');
}

# the call, then each of its members, finds nobody there

sub fallbacks {
	for my $where ('/fallback', '/fallback_off') {
		$_->reset() for $mock, $other;

		my @r = $t->burst(8, "$where$uri", sub ($i) {
			return { model => 'm', input => "text $i" }
		});

		is_own_answer(\@r, "error_page = \@named, $where");
		is($other->items(), 8,
			"error_page = \@named, $where: each is sent once");

		my @odd = grep {
			$_->{request} =~ m! $where/!
				and $_->{upstream} !~ /:8099( :.*|, .*):8082$/
		} $t->access_log();

		is(@odd, 0, "error_page = \@named, $where: \$upstream_addr")
			or diag($odd[0]{upstream});
	}
}

sub pages {
	my @texts = map { of("/pages$uri", "text $_") } 1 .. 4;

	# of all, and of each alone

	$mock->reset();
	my @r = $t->plugged($mock, \@texts,
		then => sub { $mock->next({ status => 404 }) });

	is(join(' ', uniq map { "$_->{status} $_->{body}" } @r), '404 page',
		'proxy_intercept_errors');
	is($mock->count(), 2, 'proxy_intercept_errors: not tried again');

	$mock->reset();
	@r = $t->plugged($mock, \@texts,
		then => sub { $mock->script(status => 500) });
	is(join(' ', uniq map { "$_->{status} $_->{body}" } @r), '500 page',
		'proxy_intercept_errors, 500');

	$mock->reset();
	@r = $t->plugged($mock, \@texts,
		then => sub { $mock->next({ status => 500 }) });
	is_own_answer(\@r, 'proxy_intercept_errors: a retry that is answered');

	# off: the upstream's own words

	$mock->reset();
	@r = $t->plugged($mock, [ map {
		of("/pages_off$uri", "text $_")
	} 1 .. 4 ], then => sub { $mock->next({ status => 404 }) });
	is((grep { $_->{status} != 404 or $_->{body} !~ /status 404"/ } @r), 0,
		'proxy_intercept_errors off');
	$mock->reset();
}

# an answer that is none: each is redirected on its own

sub redirects {
	my %to = ('X-Accel-Redirect' => '/private/x');

	for ([ 'of a call', then => sub { $mock->next({ headers => \%to }) } ],
		[ 'of all', then => sub { $mock->script(headers => \%to) } ])
	{
		my ($name, %o) = @$_;

		$mock->reset();
		my @r = $t->plugged($mock, [ map { of($uri, "text $_") }
			1 .. 4 ], %o);

		if ($name eq 'of a call') {
			is_own_answer(\@r, "X-Accel-Redirect $name");
		} else {
			is(join(', ', uniq map {
				"$_->{status} $_->{body}" } @r),
				'200 private /private/x',
				"X-Accel-Redirect $name");
		}

		is($mock->count(), 1 + 1 + 4, "X-Accel-Redirect $name: calls");
	}

	$mock->reset();
}
