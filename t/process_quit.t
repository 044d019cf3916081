#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a worker which quits has all members of a call answered, also if
# that takes several turns of its event loop, and nobody of its own waits.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Metrics;
use Test::LLMBatch::Proc qw/ slurp /;

my $t = Test::LLMBatch->new('answers of a worker that quits')
	->has('llm_batch')->plan(3);

my $row = '0.0123456789,' x 21_000 . '1';
my $mock = $t->backend(8081, code => sub ($call) {
	return { body => '{"object":"list","data":[' . join(',', map {
		qq({"object":"embedding","index":$_,"embedding":[$row]})
	} 0 .. $call->{items} - 1) . '],"model":"m","usage":{'
		. '"prompt_tokens":9,"total_tokens":9}}' };
});

$t->conf(<<'EOF', workers => 2, zone => '16m');
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 20s;
    proxy_read_timeout 20s;
    proxy_pass http://backend;
}
EOF

$t->run();

my $client = $t->client(timeout => 60);
my %conns;

wait_for {
	my $conn = $client->connect();
	my $r = $client->request({ uri => '/pid', conn => $conn,
		keepalive => 1 });
	push @{$conns{$r->{body}}}, $conn;
	return keys %conns == 2 && !grep { @$_ < 12 } values %conns;
} or die "connections of one worker only\n";

my ($ours, $other) = sort keys %conns;

# it has a call of which all but one are the other's, and that one leaves

$mock->next({ hold => 1 }, { hold => 1 });

my $plug = $client->start(of($ours, 0));
wait_for { $mock->count() == 1 } or diag('no plug');

my $gone = $client->start(of($ours, 1));
queued(1);
my $call = $client->start(map { of($other, $_) } 1 .. 9);
queued(10);

$mock->release();
$client->finish($plug);
wait_for { $mock->count() == 2 } or diag('no call');

$client->abort($gone);
wait_for { metric('llm_batch_cancelled_total{zone="llm",phase="sent"}') == 1 }
	or diag('it has not left');

$t->proc()->signal('QUIT', $ours);
wait_for { slurp("/proc/$ours/cmdline") =~ /shutting down/ }
	or diag('it does not quit');
$mock->release();

my @r = $client->finish($call);

is(scalar(grep { $_->{status} == 200 && length $_->{body} > 270_000 } @r), 9,
	'all are answered');
is(scalar(grep { ($_->{headers}{'x-status'} // '') eq 'MERGED' } @r), 9,
	'by their call')
	or diag(join "\n", map { join ' ', $_->{status},
		map { $_ // '-' } @{$_->{headers}}{qw/ x-status x-reason /} } @r);
is($mock->count(), 2, 'which is the only one');

$t->done();


sub of ($worker, $i) {
	return { uri => '/v1/embeddings', conn => $conns{$worker}[$i],
		body => { model => 'm', input => "text $i" } };
}

sub queued ($n) {
	wait_for { metric('llm_batch_queue_requests') == $n }
		or diag("not $n queued");
}

# as the other worker has it

sub metric ($name) {
	my $r = $client->request({ uri => '/llm-batch?format=prometheus',
		conn => $conns{$other}[11], keepalive => 1 });

	return Test::LLMBatch::Metrics::value(
		Test::LLMBatch::Metrics::parse($r->{body}), $name) // 0;
}
