#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what the others are left with when a worker dies, at each of the
# points that the sources name: in the lock, outside of it while it owns parts
# of the zone, with a call under way, half way through sharing out an answer.
# Only its own clients may notice.  Needs a module with crash points, "make
# chaos" builds one.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $point = qr/^\s+LLMB_(?:CRASH|TEAR)\((?:zone, )?"([^"]+)"\);/m;
my @points = map { Test::LLMBatch::Proc::slurp($_) =~ /$point/g }
	sort glob "$FindBin::Bin/../src/{.,*}/*.c";

# one of them, by its name

@points = grep { $_ eq $ENV{LLMB_POINT} } @points if $ENV{LLMB_POINT};

my $t = Test::LLMBatch->new('crash points')->has(qw/ llm_batch crash_points /);

my $file = $ENV{LLMB_CRASH_FILE} = $t->dir() . '/crash';

chaos_conf($t, '', main => 'env LLMB_CRASH_FILE;');

my $mock = $t->backend();

$t->run();
$t->expect(qr/exited on signal 9/, qr/zone "llm" was locked by/);


for my $point (@points) {
	my $turn = 0;

	$mock->reset();
	$mock->script(delay => 0.004, poison => 'text 13');

	# a reload closes connections that are idle, which may cut a request

	my $n = scaled(800, 200);
	my $load = chaos_load($t, requests => $n, check => \&problem,
		keepalive => $point !~ /^detach/,
		every => [ 0.1, sub {
			return if $turn++;
			arm($point);

			# points that are passed at the start and the end

			$t->kill9(($t->workers())[0]) if $point =~ /^attach/;
			$t->reload(wait => 0) if $point =~ /^detach/;
		} ]);

	wait_for { !-e $file };

	ok(!-e $file, "$point: it was passed");
	accounted($t, $load, $n, $point);
	cmp_ok($load->{slowest}, '<', 5, "$point: nobody waits for long");
	empty_zone($t, $point);
	still_merges($t, $mock, $point);

	unlink $file;
	last if grep { $_->{error} eq 'timeout' } @{$load->{wrong}};
}

# a request that is under way alone stays so when the zone is reset

$mock->reset();
$mock->next({ hold => 1 });

my $client = $t->client();
my %conns;

for my $conn (map { $client->connect() } 1 .. 16) {
	my $r = $client->request({ uri => '/pid', conn => $conn });
	$conns{$r->{body}} = $conn;
}

my ($mine, $other) = sort keys %conns;
my $alone = $client->start(of('alone', $conns{$mine}));

wait_for { $mock->count() == 1 } or diag('not sent');
arm('lock');

my ($lost) = $client->finish($client->start(of('lost', $conns{$other})));
isnt($lost->{error}, '', 'reset: a worker has died');

wait_for { $t->workers() == 4 } or diag('no new worker');
$t->request(of('any', $client->connect())) for 1 .. 8;
$mock->release();

is_own_answer([ $client->finish($alone) ], 'reset: the answer');
is((grep { $_->{body} =~ /alone/ } $mock->calls()), 1, 'reset: one call');

$t->done();


sub of ($text, $conn) {
	return { uri => '/v1/embeddings', conn => $conn,
		body => { model => 'm', input => $text } };
}

# at once: a worker may look at any time

sub arm ($point) {
	$t->write_file('crash.new', $point);
	rename "$file.new", $file or die "rename: $!";
}

# some requests make their calls fail, and get the error themselves

sub problem ($r) {
	return own_answer_problem($r) unless ($r->{sent} // '') =~ /text 13/;
	return $r->{error} if $r->{error};
	return $r->{status} == 400 && $r->{body} =~ /bad item of \d+"|<html>/ ? ''
		: "poison: $r->{status}";
}
