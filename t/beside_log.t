#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what is told of a request beside other parts of nginx: a line in the
# log for each client and none for a call, what became of it also after an
# internal redirect, and one X-LLM-Batch where there are two of us.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Fail;

use constant N => 12;

my $t = Test::LLMBatch->new('beside redirects and logs')->has('llm_batch');
my $mock = $t->backend();

$t->conf(<<'CONF', workers => 2, http => <<'HTTP');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
llm_batch_fallback_limit 100%;
llm_batch_breaker failures=1000 cooldown=1s;

location / {
    proxy_pass http://backend;
}

location /strict/ {
    llm_batch_fallback off;
    proxy_pass http://backend/;
}

location /tried/ {
    try_files $uri @tried;
}

location @tried {
    rewrite ^/tried(.*) $1 break;
    proxy_pass http://backend;
}

location /file/ {
    root %%DIR%%;
}

location /sorry/ {
    proxy_pass http://backend/;
    proxy_intercept_errors on;
    error_page 500 =200 /file/sorry;
}

location /outer/ {
    llm_batch_headers on;
    proxy_pass http://inner/;
}
CONF
log_subrequest on;
upstream inner { server unix:%%DIR%%/inner; keepalive 4; }
server {
    listen unix:%%DIR%%/inner;
    access_log off;
    location / {
        llm_batch zone=llm;
        llm_batch_headers on;
        llm_batch_max_size 64;
        proxy_pass http://backend;
    }
}
HTTP

mkdir $t->dir() . '/file';
$t->write_file('file/sorry', "sorry\n");
$t->run();

lines();
redirected();
tried();
two_of_us();
interim();

$t->done();


sub one($where, $text, @more) {
	return { uri => "$where/v1/embeddings", @more,
		body => { model => 'm', input => $text } };
}

sub together($where, $name) {
	return $t->plugged($mock, [ map { one($where, "$name $_") } 1 .. N ]);
}

sub words($field, @log) {
	return join ' ', uniq sort map { $_->{$field} } @log;
}

# those of clients only

sub lines {
	$mock->reset();

	my ($log, @r) = $t->logged(N + 1, sub { together('', 'line') });

	is_own_answer(\@r, 'lines: own answers');
	is(sizes($mock), '1 ' . N, 'lines: one call');
	is(@$log, N + 1, 'lines: one for each client');
	is(words('status', @$log), 'MERGED SINGLE', 'lines: with what it became');
}

# what a redirect leads to is not a request that comes in

sub redirected {
	$mock->reset();
	$mock->script(headers => { 'X-Accel-Redirect' => '/file/sorry' });

	my ($log, $r) = $t->logged(1, sub { $t->request(one('', 'alone')) });

	is($r->{body}, "sorry\n", 'redirected: the file');
	is(words('status', @$log) . words('reason', @$log), 'SINGLEcompany',
		'redirected: SINGLE');

	($log, my @r) = $t->logged(N + 1, sub { together('', 'redirected') });

	is((grep { $_->{body} eq "sorry\n" } @r), N, 'redirected: of a call');
	is(words('status', @$log), 'FALLBACK SINGLE', 'redirected: FALLBACK');
	is(words('reason', @$log), 'mismatch slot', 'redirected: the reason');

	$mock->reset();
	$mock->script(status => 500);

	($log, @r) = $t->logged(N + 1, sub { together('/sorry', 'sorry') });

	is((grep { $_->{body} eq "sorry\n" } @r), N, 'error_page: the page');
	is(words('status', @$log), 'FALLBACK SINGLE', 'error_page: FALLBACK');
	is(words('reason', @$log), 'slot upstream_error',
		'error_page: the reason');

	# who was never held, too

	($log) = $t->logged(1, sub { $t->request(
		{ uri => '/sorry/v1/embeddings', body => { model => 'm',
			input => 'text', stream => \1 } }) });

	is(words('status', @$log) . ' ' . words('reason', @$log),
		'BYPASS stream', 'error_page: BYPASS');
}

# a request is held once, and counted once

sub tried {
	my $total = sub { $t->metric(
		'llm_batch_requests_total{adapter="openai_embeddings"}') };

	$mock->reset();

	my $before = $total->();
	my ($log, @r) = $t->logged(N + 1, sub { together('/tried', 'tried') });

	is_own_answer(\@r, 'tried: own answers');
	is(sizes($mock), '1 ' . N, 'tried: one call');
	is($total->() - $before, N + 1, 'tried: counted once');
}

# the inner one tells of the call that it got

sub two_of_us {
	$mock->reset();

	my @r = together('/outer', 'outer');

	is_own_answer(\@r, 'two: own answers');
	is(sizes($mock), '1 ' . N, 'two: one call');
	is((grep { @{$_->{all}{'x-llm-batch'}} != 1 } @r), 0, 'two: one header');
	is((grep { $_->{headers}{'x-llm-batch'}
		!~ /^status=merged;.* size=@{[ N ]};/ } @r), 0, 'two: the right one');

	my $r = $t->request(one('/outer', 'alone'));

	is(@{$r->{all}{'x-llm-batch'}}, 1, 'two: alone, one header');
	like($r->{headers}{'x-llm-batch'}, qr/^status=single;/,
		'two: alone, the right one');
}

# 1xx tells that there will be an answer; some versions know what 103 is

sub interim {
	$mock->reset();
	$mock->script(many => { status => 110 });

	my @r = together('', 'interim');

	is_own_answer(\@r, 'interim: own answers');
	is(headers('x-reason', @r), 'upstream_error', 'interim: alone');

	@r = together('/strict', 'interim, strict');

	is(statuses(@r), 502, 'interim: not handed on');
}
