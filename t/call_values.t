#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards values that are one thing for a client and another for the call: the
# length of the body, though a member has looked at its own before, and the
# type of an answer, which filters compare without its parameters.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('values of a call')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 4;

fail_conf($t, <<'EOF');
gzip            on;
gzip_types      application/json;
gzip_min_length 1;

if ($content_length = 0) {
    return 400;
}

proxy_set_header X-Length $content_length;
EOF
$t->run();

my @r = failing($t, $mock, { headers => {
	'Content-Type' => 'application/json; charset=utf-8' } }, \@texts,
	headers => { 'Accept-Encoding' => 'gzip' }, always => 1);

my $call = ($mock->calls())[-1];

is(sizes($mock), '1 4', 'one call');
is($call->{headers}{'x-length'}, $call->{headers}{'content-length'},
	'$content_length is that of the call');
is(headers('content-encoding', @r), 'gzip', 'gzip_types fits the type');

$t->done();
