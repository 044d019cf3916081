#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards a worker that is stopped while it has others' requests in its call:
# those are answered within 5 s of its last sign of life, its own when it goes
# on; nobody twice, nobody by another's text, and all is as before then.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Time::HiRes qw/ time /;

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('a stopped worker')->has('llm_batch')->plan(11);

$t->conf(<<'EOF', workers => 2);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 20s;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();

my $client = $t->client();
my %conns;

wait_for {
	my $conn = $client->connect();
	my $r = $client->request({ uri => '/pid', conn => $conn,
		keepalive => 1 });
	push @{$conns{$r->{body}}}, $conn;
	return keys %conns == 2 && !grep { @$_ < 14 } values %conns;
} or die "connections of one worker only\n";

my ($stopped, $other) = sort keys %conns;

# the first has a call, of members of both, and others wait for its slot; it is
# stopped, and the upstream answers

$mock->next({ hold => 1 }, { hold => 1 });

my $plug = $client->start(of($stopped, 0));
wait_for { $mock->count() == 1 } or diag('no plug');

my $call = $client->start(map { of($stopped, $_), of($other, $_) } 1 .. 8);
queued(16);
$mock->release();
wait_for { $mock->count() == 2 } or diag('no call');

my $rest = $client->start(map { of($stopped, $_), of($other, $_) } 9 .. 12);
queued(8);

my $start = time();

$t->proc()->signal('STOP', $stopped);
$mock->release();

my @healthy = grep { $_->{worker} == $other } @$call, @$rest;

wait_for {
	$client->pump([ @$call, @$rest ]);
	!grep { !$_->{done} } @healthy;
} 8;

my $took = time() - $start;

is((grep { $_->{done} } @healthy), 12,
	'clients of the other worker are answered');
cmp_ok($took / ($ENV{LLMB_SLOW} || 1), '<', 5, 'within 5 s');
cmp_ok($took, '>', 2, 'not before it is taken for lost');
is((grep { ($_->{response}{headers}{'x-reason'} // '') eq 'worker_lost' }
	@healthy), 8, 'those of its call went alone');
is(metric('llm_batch_orphans_recovered_total'), 8, 'they are counted');
is(metric('llm_batch_inflight_calls'), 0, 'no slot is taken');

# it goes on where it was

$t->proc()->signal('CONT', $stopped);

$client->finish($plug);
my @r = $client->finish([ @$call, @$rest ]);

is_own_answer(\@r, 'each has its own answer');
is(join(' ', sort $t->workers()), "$stopped $other", 'the workers have lived');
empty_zone($t, 'afterwards');
still_merges($t, $mock, 'afterwards');

$t->done();


sub of ($worker, $i) {
	my $conn = $conns{$worker}[$i];

	$conn->{worker} = $worker;
	return { uri => $uri, conn => $conn, keepalive => 1,
		body => { model => 'm', input => "text $worker $i" } };
}

# as the other worker has it

sub metric ($name) {
	my $r = $client->request({ uri => '/llm-batch?format=prometheus',
		conn => $conns{$other}[13], keepalive => 1 });

	return Test::LLMBatch::Metrics::value(
		Test::LLMBatch::Metrics::parse($r->{body}), $name);
}

sub queued ($n) {
	wait_for { (metric('llm_batch_queue_requests') // 0) == $n }
		or diag("not $n in the queue");
}
