#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards against a worker that ends when there is no memory for a string: what
# nginx does next, a line in the log or an error page, may be about that string.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Inject;

my $t = Test::LLMBatch->new('no memory for a string')
	->has(qw/ llm_batch inject /)->plan(8);

$t->conf(<<'EOF');
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_wait 20s;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();
my $inject = Test::LLMBatch::Inject->new($t);

$t->run();
$t->expect(qr{\[emerg\].* malloc\(\d+\) failed});

my ($worker) = $t->workers();

# sizes that nothing else has: arguments, as a call copies them ...

my $args = 'x=' . 'a' x 5000;
my $uri = "/v1/embeddings?$args";
my $size = length "$args\0";

my @r = held(sub { $inject->set(malloc => [ 1, $size, $size ]) });

cmp_ok($inject->count('malloc'), '>', 0, 'arguments: no memory');
is_own_answer(\@r, 'arguments: answers');
is((grep { $_->{headers}{'x-reason'} eq 'internal' } @r), 4,
	'arguments: they went alone');

# ... and a header of the answer

$mock->script(headers => { 'X-Long' => 'b' x 6000 });

my $before = $inject->count('malloc');
@r = held(sub { $inject->set(malloc => [ 1, 6000, 6001 ]) });

cmp_ok($inject->count('malloc'), '>', $before, 'header: no memory');
is((grep { $_->{status} == 500 } @r), 4, 'header: an error')
	or diag(map { "$_->{status} $_->{error}\n" } @r);

@r = held(sub { $inject->set() });

is_own_answer(\@r, 'afterwards: answers');
is_batched(\@r, into => 1);
is(join(' ', $t->workers()), $worker, 'the worker has lived');

$t->done();


sub held ($then) {
	my @held = $t->plugged($mock, [ map {
		{ uri => $uri, body => { model => 'm', input => "text $_" } }
	} 1 .. 4 ], then => $then);

	$inject->set();
	return @held;
}
