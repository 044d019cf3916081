#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards nginx when there are no descriptors for bells: the master process goes
# on whatever it cannot have, a worker without a bell looks once a second, and
# a later reload, with descriptors, puts all right.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;
use Test::LLMBatch::Inject;

my $t = Test::LLMBatch->new('no bells')
	->has(qw/ llm_batch inject prlimit /)->plan(12);

my $mock = $t->backend();
my $inject = Test::LLMBatch::Inject->new($t);

# the master at its limit of descriptors

chaos_conf($t);
$t->run();
$t->expect(qr/Too many open files|recvmsg\(\) truncated data/, qr/exited with (?:fatal )?code 2/);

my $master = $t->proc()->{pid};
my $open = () = glob "/proc/$master/fd/*";
my (@dead, @had);

for my $limit ($open - 4 .. $open + 9) {
	@had = $t->workers(1);
	limit($limit);
	$t->proc()->signal('HUP');
	done_with() or push @dead, $limit;
	last if @dead;
}

is("@dead", '', 'the master lives');
limit(1024);
ok($t->reload(), 'a reload with descriptors');
is(open_bells(), 4, 'a bell for each worker');
still_merges($t, $mock, 'afterwards');
$t->quit();

# no bell for anybody

$inject->set(master_eventfd => 1);
chaos_conf($t);
$t->run();
$t->expect(qr/eventfd\(\) failed, workers from 0 on look/);

cmp_ok($inject->count('master_eventfd'), '>', 0, 'no bells: there are none');

$mock->script(delay => 0.01);
my $load = chaos_load($t, requests => 300);

none_lost($load, 300, 'no bells');
cmp_ok($load->{slowest}, '<', 5, 'no bells: at worst seconds later');

# all of them are told, nevertheless, when they are to quit

my $client = $t->client();
my $conns = all_in($t, $mock, $client, 64);

$mock->script();
$inject->set();
$t->reload(wait => 0);
$mock->release();

is_own_answer([ $client->finish($conns) ], 'no bells: reload');
is(open_bells(), 4, 'no bells: the next configuration has them');
still_merges($t, $mock, 'with bells');

$t->done();


sub limit ($n) {
	system('prlimit', "--pid=$master", "--nofile=$n:") == 0
		or die "prlimit failed\n";
}

sub open_bells {
	my $pid = $t->proc()->{pid};
	return scalar grep { (readlink // '') =~ /eventfd/ }
		glob "/proc/$pid/fd/*";
}

# with the signal: it fails, or new workers are there, or it is dead

sub done_with {
	my $before = () = $t->read_file('error.log') =~ /\[emerg\]/g;
	my %old = map { $_ => 1 } @had;

	wait_for {
		return 1 if !$t->proc()->running();
		my $log = $t->read_file('error.log');
		return $before < (() = $log =~ /\[emerg\]/g)
			|| grep { !$old{$_} } $t->workers(1);
	} 1;

	return $t->proc()->running();
}
