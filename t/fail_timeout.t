#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the time that a hung upstream costs: after a time-out nothing is sent
# again, nor after a failure that took more than half of one, so nobody waits
# longer than one and a half of them, whatever came first.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('time-outs')->has('llm_batch');
my $mock = $t->backend();
my $other = $t->backend(8082);
my @texts = map { "text $_" } 1 .. 8;
my @many = map { "text $_" } 1 .. 16;

# seconds; with what a slow machine adds, less than another half of it

my $timeout = 1;
my $most = 1.5 * $timeout + 0.45 * ($ENV{LLMB_SLOW} // 1);

fail_conf($t, <<EOF, http => <<'EOF2', server => <<EOF3);
    llm_batch_breaker failures=100 cooldown=1s;
    proxy_read_timeout ${timeout}s;
EOF
    upstream two {
        server %%ADDR%%:8081 max_fails=0;
        server %%ADDR%%:8082 backup;
    }
EOF2
    location /two/ {
        llm_batch zone=llm;
        llm_batch_concurrency 1;
        llm_batch_max_wait 20s;
        proxy_pass http://two;
        proxy_read_timeout ${timeout}s;
        proxy_next_upstream error timeout non_idempotent;
    }
EOF3
$t->run();

# what the calls are answered from the first one of several on: the first ones,
# then the others; status, reason and sizes of calls

my @cases = (
	[ 'stalls before the header', [], { fault => 'stall' },
		504, 'timeout', '1 8' ],
	[ 'stalls in the body', [], { fault => 'stall_body' },
		504, 'timeout', '1 8' ],
	[ 'stalls when a buffer is full', [], { fault => 'stall_full' },
		504, 'timeout', '1 8' ],
	[ 'stalls in the body of an error', [],
		{ fault => 'stall_body', status => 500 },
		504, 'timeout', '1 8' ],
	[ 'is a gateway whose time is up', [], { status => 504 },
		504, 'timeout', '1 8' ],
	[ 'resets late', [], { fault => 'reset', delay => 0.75 * $timeout },
		502, 'upstream_error', '1 8' ],
	[ 'resets early, then stalls',
		[ { fault => 'reset', delay => 0.2 * $timeout } ],
		{ fault => 'stall' }, 504, 'timeout', '1 8 8' ],
	[ 'resets early, then refuses late',
		[ { fault => 'reset', delay => 0.2 * $timeout } ],
		{ status => 400, delay => 0.4 * $timeout },
		502, 'upstream_error', '1 8 8' ],
	[ 'refuses late', [], { status => 422, delay => 0.75 * $timeout },
		502, 'upstream_error', '1 8' ],
	[ 'answers late, and wrong', [],
		{ count => 1, delay => 0.75 * $timeout }, 502, 'mismatch', '1 8' ],
	[ 'answers early, and wrong, then stalls', [ { count => 1, fault => '' } ],
		{ fault => 'stall' }, 504, 'mismatch', '1 8' . ' 1' x 8 ],
	[ 'refuses halves until it is late', [],
		{ status => 400, delay => 0.3 * $timeout },
		502, 'upstream_error', '1 16 8 8' ],
	[ 'refuses early, then the halves stall',
		[ { status => 400, delay => 0.3 * $timeout, fault => '' } ],
		{ fault => 'stall' }, 504, 'timeout', '1 16 8 8' ],
);

for (@cases) {
	my ($name, $first, $then, $status, $reason, $sizes) = @$_;

	warm_up($t, $mock);

	my @r = failing($t, $mock, {}, $sizes =~ /16/ ? \@many : \@texts,
		then => sub {
			$mock->next(@$first) if @$first;
			$mock->script(%$then);
		});

	is(statuses(@r), $status, "$name: status");
	is(headers('x-reason', @r), $reason, "$name: reason");
	is(sizes($mock), $sizes, "$name: calls");
	is((grep { $_->{time} > $most } @r), 0, "$name: in time")
		or diag(join ' ', map { sprintf '%.2f', $_->{time} } @r);
}

# nginx itself goes to the next server after a time-out

for my $script ({ fault => 'stall' }, undef) {
	my $name = 'the next server ' . ($script ? 'stalls' : 'is gone');

	warm_up($t, $mock);
	$other->reset();
	$other->script(%$script) if $script;
	$other->stop() if !$script;

	my @r = failing($t, $mock, {}, \@texts, uri => '/two/v1/embeddings',
		then => sub { $mock->script(fault => 'stall') });

	is(statuses(@r), '504', "$name: status");
	is(headers('x-reason', @r), 'timeout', "$name: reason");
	is(sizes($mock), '1 8', "$name: calls");
	is(sizes($other), '8', "$name: its calls") if $script;
}

$t->done();
