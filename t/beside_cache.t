#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards nginx's caches and stores beside merging: a call of several is neither
# answered from one nor kept in one, whatever the key is made of; requests that
# go alone have theirs, and a cache in front of the batching location works.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Fail;

use constant N => 12;

my $t = Test::LLMBatch->new('beside caches')->has('llm_batch');

# answers of one location send the request to another one

my $mock = $t->backend(8081, code => sub ($call) {
	return { headers => { 'X-Accel-Redirect' => '/kept/v1/embeddings' } }
		if $call->{uri} =~ m!^/redirected/!;
	return {};
});

my $batch = <<'CONF';
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
llm_batch_fallback_limit 100%;
llm_batch_breaker failures=1000 cooldown=1s;
llm_batch_ignore_headers X-Hash;
CONF

my $cache = <<'CONF';
proxy_cache c;
proxy_cache_methods POST;
proxy_cache_valid 200 1h;
%%TEST_HEADERS%%
add_header X-Cache $upstream_cache_status always;
CONF

$t->conf(<<"CONF", http => <<'HTTP', workers => 2);
location /header/ {
    $batch
    $cache
    proxy_cache_key header\$http_x_hash;
    proxy_pass http://backend/;
}

location /set/ {
    set \$key \$http_x_hash;
    $batch
    $cache
    proxy_cache_key set\$key;
    proxy_pass http://backend/;
}

location /early/ {
    $batch
    $cache
    llm_batch_priority \$text;
    proxy_cache_key early\$text;
    proxy_pass http://backend/;
}

location /body/ {
    $batch
    $cache
    proxy_cache_lock on;
    proxy_cache_key body\$request_body;
    proxy_pass http://backend/;
}

location /stale/ {
    $batch
    $cache
    proxy_cache_valid 200 1s;
    proxy_cache_use_stale updating;
    proxy_cache_background_update on;
    proxy_cache_revalidate on;
    proxy_cache_key stale\$request_body;
    proxy_pass http://backend/;
}

location /store/ {
    $batch
    proxy_store %%DIR%%/stored;
    proxy_pass http://backend/;
}

location /redirect/ {
    $batch
    proxy_pass http://backend/redirected/;
}

location /kept/ {
    internal;
    $cache
    proxy_cache_key kept\$http_x_hash;
    proxy_pass http://backend/;
}

location /front/ {
    client_max_body_size 1m;
    client_body_buffer_size 1m;
    proxy_cache c;
    proxy_cache_methods POST;
    proxy_cache_valid 200 1h;
    proxy_cache_key \$uri:\$http_authorization:\$request_body;
    add_header X-Cache \$upstream_cache_status always;
    proxy_pass http://batching/;
}
CONF
proxy_cache_path %%DIR%%/cache keys_zone=c:1m use_temp_path=off;
map $request_body $text { default $request_body; }
upstream batching { server unix:%%DIR%%/batching; keepalive 16; }
server {
    listen unix:%%DIR%%/batching;
    %%TEST_HEADERS%%
    location / {
        llm_batch zone=llm;
        llm_batch_concurrency 1;
        llm_batch_max_size 64;
        llm_batch_max_wait 20s;
        llm_batch_ignore_headers X-Hash;
        proxy_pass http://backend;
    }
}
HTTP

$t->run();

by_header();
by_variable();
by_body();
renewed();
stored();
redirected();
in_front();

$t->done();


sub one($where, $text, %headers) {
	return { uri => "/$where/v1/embeddings", headers => { %headers },
		body => { model => 'm', input => $text } };
}

# a request for each text, all of them in one call, behind one that goes alone

sub together($where, $name, $texts, %headers) {
	$mock->reset();

	my @r = $t->plugged($mock,
		[ map { one($where, $_, 'X-Hash' => $_, %headers) } @$texts ],
		like => one($where, "plug $name", 'X-Hash' => "plug $name",
			%headers));

	is_own_answer(\@r, "$name: own answers");

	return @r;
}

sub texts($name) { return map { "$name text $_" } 1 .. N }

# a key of a header that a call does not have, so all calls would have one key

sub by_header {
	is_own_answer($t->request(one('header', 'without')), 'header, without');

	for my $round (1 .. 3) {
		my $name = "header $round";
		my @r = together('header', $name, [ texts($name) ]);

		is(sizes($mock), '1 ' . N, "$name: one call");
		is(headers('x-status', @r), 'MERGED', "$name: merged");
		is(headers('x-cache', @r), '', "$name: not looked up");
	}

	# who goes alone is looked up, and gets what is its own

	for my $status (qw/ MISS HIT /) {
		my $r = $t->request(one('header', 'alone', 'X-Hash' => 'alone'));

		is_own_answer($r, "alone: own answer, $status");
		is($r->{headers}{'x-cache'}, $status, "alone: $status");
	}
}

# of a variable that was evaluated before: it would be one of the members'

sub by_variable {
	my @texts = texts('early');

	together('early', 'early', \@texts);
	is(sizes($mock), '1 ' . N, 'early: one call');

	my @r = map { $t->request(one('early', $_, 'X-Hash' => $_)) } @texts;

	is_own_answer(\@r, 'early: own answers alone');
	is(headers('x-cache', @r), 'MISS', 'early: nothing was kept');

	# one that was set divides them: to each its own, kept and all

	$mock->reset();

	@texts = texts('set');
	@r = map { one('set', $_, 'X-Hash' => $_) } @texts;
	@r = $t->plugged($mock, \@r, queued => 0,
		like => one('set', 'plug set', 'X-Hash' => 'plug set'));

	is_own_answer(\@r, 'set: own answers');
	is(sizes($mock), join(' ', (1) x (N + 1)), 'set: none share a call');

	@r = map { $t->request(one('set', $_, 'X-Hash' => $_)) } @texts;

	is_own_answer(\@r, 'set: own answers alone');
	is(headers('x-cache', @r), 'HIT', 'set: each was kept for itself');
}

# of the body, so that an equal call would be found

sub by_body {
	for my $round (1, 2) {
		my @r = together('body', "body $round", [ texts('body') ]);

		is(sizes($mock), '1 ' . N, "body $round: one call");
		is(headers('x-cache', @r), '', "body $round: not looked up");
	}
}

# an equal call while the entry for it would be stale, and renewed aside

sub renewed {
	for my $round (1 .. 3) {
		select undef, undef, undef, 1.2 if $round > 1;

		my @r = together('stale', "stale $round", [ texts('stale') ]);

		is(sizes($mock), '1 ' . N, "stale $round: one call");
	}
}

# what a call brings is in nobody's file

sub stored {
	together('store', 'store', [ texts('store') ]);
	is(sizes($mock), '1 ' . N, 'store: one call');

	my $n = () = $t->read_file('stored') =~ /"embedding":/g;

	is($n, 1, 'store: of the one that went alone');
}

#
# An answer that sends a call to another location makes it a GET, which a cache
# there may answer: with what is somebody else's, even if there is as much of it.
#

sub redirected {
	together('redirect', 'redirect, new', [ texts('new') ]);
	is(sizes($mock), '1 1 ' . N . ' ' . N, 'redirect, new: one call');

	# which was not kept

	my $r = $t->request(one('redirect', [ texts('others') ]));

	is_own_answer($r, 'redirect: kept');

	my @r = together('redirect', 'redirect', [ texts('redirect') ]);

	is(headers('x-status', @r), 'FALLBACK', 'redirect: alone');
	is(headers('x-reason', @r), 'mismatch', 'redirect: the reason');
	$t->metric_is('llm_batch_mismatch_total{zone="llm",kind="cache"}', 1);
}

# the place for a cache: each request is looked up, the rest is merged

sub in_front {
	my @texts = texts('front');
	my @r = together('front', 'front', \@texts, Authorization => 'one');

	is(sizes($mock), '1 ' . N, 'front: one call');
	is(headers('x-cache', @r), 'MISS', 'front: all are new');

	$mock->reset();
	@r = map { $t->request(one('front', $_, Authorization => 'one')) } @texts;

	is_own_answer(\@r, 'front, again: own answers');
	is(headers('x-cache', @r), 'HIT', 'front, again: all are known');
	is($mock->count(), 0, 'front, again: no call');

	@r = together('front', 'front, another', \@texts,
		Authorization => 'another');

	is(sizes($mock), '1 ' . N, 'front, another: one call');
	is(headers('x-cache', @r), 'MISS', "front, another: has none of those");
}
