#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards many requests that are held at once in one worker: all are answered,
# and beside what nginx needs for any request that waits, each takes little
# memory.  What a worker takes once is none of theirs: what counts is by how
# much it grows from half of them to all.

use v5.36;

use IO::Socket::INET;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Speed qw/ slow /;

my $n = 2 * int(($ENV{LLMB_HELD} || scaled(10_000, 2500)) / 2);
my $goal = 4096;
my $files = `sh -c 'ulimit -n'`;

if ($files =~ /^\d+$/ and $files < $n + 200) {
	plan(skip_all => "not $n descriptors") if $ENV{LLMB_RAISED}++;
	exec 'sh', '-c', "ulimit -n 16384; exec \"\$@\"", 'sh', $^X, $0;
}

# what one connection takes is compared with that of another one: all by TCP

my $t = Test::LLMBatch->new('many held requests')->has('llm_batch')
	->listen('address');
my $mock = $t->backend();

# "wait" is nginx alone: requests that limit_req delays, all but one a minute

$t->conf(<<'EOF', zone => '64m', main => 'worker_rlimit_nofile 16384;',
location /v1/ {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 120s;
    proxy_pass http://backend;
}
location /wait/ {
    limit_req zone=one burst=100000;
    proxy_pass http://backend;
}
EOF
	http => 'limit_req_zone $server_port zone=one:1m rate=1r/m;');

my $conf = $t->read_file('nginx.conf')
	=~ s/worker_connections \d+/worker_connections 16384/r;

$t->write_file_expand('nginx.conf', $conf);

$t->run();
my @waiting = conns('/wait/embeddings', 1, $n / 2);
my $half = memory();
push @waiting, conns('/wait/embeddings', $n / 2 + 1, $n);
my $nginx = grown($half);
undef @waiting;
$t->stop();

$t->run();
$mock->reset();
$mock->next({ hold => 1 });

my $client = $t->client();
my $plug = $client->start({ uri => '/v1/embeddings',
	body => { model => 'm', input => 'plug' } });
wait_for { 1 == (() = $mock->calls()) } or diag('no plug');

my @conns = conns('/v1/embeddings', 1, $n / 2);
held($n / 2, 'half of them are held');
$half = memory();

push @conns, conns('/v1/embeddings', $n / 2 + 1, $n);
held($n, 'all are held');

my $held = grown($half);
my $own = $held->{RssAnon} - $nginx->{RssAnon};
my $text = $t->metric('llm_batch_zone_bytes{state="used"}') / $n;

note(sprintf '%d held requests, bytes each: nginx itself %d, the module %d '
	. 'in the worker and %d in the zone, of which text %d',
	$n, $nginx->{RssAnon}, $own, $held->{RssShmem}, $text);

SKIP: {
	skip 'memory of a sanitizer', 1 if $ENV{TEST_NGINX_SANITIZER};
	cmp_ok($own + $held->{RssShmem}, '<=', $goal,
		"at most $goal bytes each");
}

$mock->release();
$client->finish($plug);

my $wrong = wrong(\@conns);

is($wrong, '', 'each gets its own answer');
is((() = $mock->calls()), 1 + int(($n + 63) / 64), 'as few calls as possible');
$t->metric_is('llm_batch_zone_requests', 0);

wait_for { worker_files() < 200 };
cmp_ok(worker_files(), '<', 200, 'no descriptor is left');

$t->done();


# not more at once than the kernel keeps until they are accepted

sub conns ($uri, $from, $to) {
	my @conns;

	for my $i ($from .. $to) {
		push @conns, conn($uri, "text $i");

		next if $i % 256 and $i < $to;

		wait_for { worker_files() >= $i } 30
			or diag("not connected: $i");
	}

	$t->request({ uri => '/pid' });

	return @conns;
}

sub held ($count, $name) {
	wait_for { $count == ($t->metric('llm_batch_queue_requests') // 0) } 30;
	$t->metric_is('llm_batch_queue_requests', $count, $name);
}

sub conn ($uri, $text) {
	my $body = qq({"model":"m","input":"$text"});
	my $s = IO::Socket::INET->new(PeerAddr => $t->addr(),
		PeerPort => 8080) or die "connect: $!";

	$s->syswrite("POST $uri HTTP/1.1\r\nHost: localhost\r\n"
		. "Content-Type: application/json\r\nContent-Length: "
		. length($body) . "\r\nConnection: close\r\n\r\n$body");

	return $s;
}

sub worker_files () {
	my ($worker) = $t->workers();
	return scalar(() = glob "/proc/$worker/fd/*");
}

# of the worker, in bytes

sub memory () {
	my ($worker) = $t->workers();
	my $status = Test::LLMBatch::Proc::slurp("/proc/$worker/status");

	return { map { $_->[0] => $_->[1] * 1024 }
		map { [ /^(Rss\w+):\s+(\d+) kB/ ] }
		grep { /^Rss/ } split /\n/, $status };
}

# since half of them were there, by each of the others

sub grown ($half) {
	my $now = memory();
	return { map { $_ => ($now->{$_} - $half->{$_}) / ($n / 2) }
		keys %$now };
}

# the first problem, as each connection has to end with an answer

sub wrong ($conns) {
	local $SIG{ALRM} = sub { die "no answer\n" };
	alarm 60 * slow();

	for my $i (1 .. $n) {
		my $in = '';
		1 while $conns->[$i - 1]->sysread($in, 65536, length $in);

		my ($status, $body) = $in =~ m!^HTTP/1.1 (\d+).*?\r\n\r\n(.*)!s;
		my $problem = own_answer_problem({ error => '',
			status => $status // 0, body => $body // $in,
			request => { uri => '/v1/embeddings' },
			sent => qq({"model":"m","input":"text $i"}) });

		return "request $i: $problem" if $problem;
	}

	alarm 0;
	return '';
}
