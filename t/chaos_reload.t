#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards reload, quit and binary upgrade under load: nothing at all is lost.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('reload under load')->has('llm_batch');

chaos_conf($t, '', main => 'daemon on;');

my $mock = $t->backend();

$t->run();
$mock->script(delay => 0.01);

# each request on a connection of its own: nginx closes those that are idle

my $reloads = 0;
my $n = scaled(5000);
my $load = chaos_load($t, requests => $n, keepalive => 0,
	every => [ 0.3, sub { $reloads += $t->proc()->signal('HUP') } ]);

none_lost($load, $n, 'reload');
cmp_ok($reloads, '>=', 3, 'reload: many times');
cmp_ok($load->{slowest}, '<', 5, 'reload: nobody waits for long');
ok($t->reload(), 'reload: the old workers are gone');
empty_zone($t, 'reload');

# binary upgrade

defined(my $pid = fork()) or die "fork: $!";

if ($pid == 0) {
	wait_for { $mock->items() > 300 };
	POSIX::_exit($t->upgrade() ? 0 : 1);
}

$mock->reset();
$mock->script(delay => 0.01);
$load = chaos_load($t, requests => $n, keepalive => 0);
waitpid $pid, 0;
is($?, 0, 'upgrade');
none_lost($load, $n, 'upgrade');

# quit, once all are in

my $client = $t->client();

$mock->reset();
my $conns = all_in($t, $mock, $client, 64);

$t->proc()->running();
$t->proc()->signal('QUIT');
wait_for { !$t->metrics()->{llm_batch_build_info} };
$mock->script();
$mock->release();

is_own_answer([ $client->finish($conns) ], 'quit');
ok($t->quit(), 'quit: nginx is gone');

$t->done();
