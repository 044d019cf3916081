#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards reload, quit and binary upgrade: what is held is sent at once and
# answered, none is lost, and no call spans two configurations.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();

use Test::LLMBatch;

my $t = Test::LLMBatch->new('reload')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

sub conf ($size, $main = '') {
	$t->conf(<<EOF, workers => 2, main => $main);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size $size;
    llm_batch_max_wait 20s;
    proxy_pass http://backend;
}
EOF
}

sub of ($text) {
	return { uri => $uri, body => { model => 'm', input => $text } };
}

# requests that a plug holds; returns once they have queued

sub hold ($n) {
	my $client = $t->client();

	$mock->reset();
	$mock->next({ hold => 1 });

	my $plug = $client->start(of('plug'));
	wait_for { $mock->count() == 1 } or diag('no plug');

	my $rest = $client->start(map { of("held $_") } 1 .. $n);
	wait_for { ($t->metric('llm_batch_queue_requests') // 0) == $n }
		or diag('not queued');

	return ($client, [ @$plug, @$rest ]);
}

conf(64);
$t->run();

# reload under load

$mock->script(delay => 0.003);

my $n = scaled(2000);
my $load = $t->load(clients => 16, requests => $n, uri => $uri,
	keepalive => 0,
	body => sub ($i) { { model => 'm', input => "load $i" } },
	every => [ 0.1, sub { $t->reload(wait => 0) } ]);

is($load->{ok}, $n, 'reload under load: none is lost')
	or diag(map { "$_->{problem}\n" } @{$load->{wrong}});
is(@{$load->{lost}}, 0, 'reload under load: no connection is cut');
$t->reload();
$mock->script();

# held requests leave with the old workers, before the plug is answered

my ($client, $held) = hold(6);
$t->reload(wait => 0);
ok(wait_for { 7 == $mock->items() }, 'reload: held requests are sent at once');
$mock->release();

my @r = $client->finish($held);
is_own_answer(\@r, 'reload: held requests are answered');
is((grep { ($_->{headers}{'x-close'} // '') eq 'drain' } @r), 6,
	'reload: why they were sent');

# another configuration: its calls have its size

conf(2);
ok($t->reload(), 'reload: the old workers are gone');

$mock->reset();
@r = $t->plugged($mock, [ map { of("new $_") } 1 .. 4 ]);
is_own_answer(\@r, 'new configuration: own answers');
is((grep { $_->{items} > 2 } $mock->calls()), 0, 'new configuration: size');

# quit

($client, $held) = hold(6);
$t->proc()->signal('QUIT');
ok(wait_for { 7 == $mock->items() }, 'quit: held requests are sent at once');
$mock->release();
is_own_answer([ $client->finish($held) ], 'quit: held requests are answered');
$t->quit();

# binary upgrade, under load

conf(64, 'daemon on;');
$t->run();
$mock->reset();
$mock->script(delay => 0.003);

defined(my $pid = fork()) or die "fork: $!";

if ($pid == 0) {
	wait_for { $mock->items() > 100 };
	POSIX::_exit($t->upgrade() ? 0 : 1);
}

$n = scaled(1500);
$load = $t->load(clients => 16, requests => $n, uri => $uri,
	keepalive => 0,
	body => sub ($i) { { model => 'm', input => "load $i" } });

waitpid $pid, 0;
is($?, 0, 'binary upgrade');
is($load->{ok}, $n, 'binary upgrade: none is lost')
	or diag(map { "$_->{problem}\n" } @{$load->{wrong}});

$t->done();
