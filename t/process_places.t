#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that every worker has a place in the zone in the end, however many
# were there meanwhile: with very many workers, of a configuration that had
# few as the zone was made, and with old ones that do not go.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $many = 96;
my $t = Test::LLMBatch->new('places of workers')->has('llm_batch')->plan(15);
my $mock = $t->backend();

sub conf ($workers) {
	chaos_conf($t, '', workers => $workers, zone => '4m', server => <<'EOF');
location ~ ^/plain(/.*)$ {
    proxy_pass http://backend$1;
}
EOF
}

# as many as there are

conf($many);
$t->run();
is(placeless(), 0, 'many workers');
ok($t->reload(timeout => 60), 'many workers: reload');
is(placeless(), 0, 'many workers: after a reload');
$t->quit(60);

# more of them than the zone was made for

conf(1);
$t->run();
conf($many);
ok($t->reload(timeout => 60), 'more workers');
is(placeless(), 0, 'more workers: all have a place');
like($t->read_file('error.log'), qr/has places for 128 workers, which are/,
	'more workers: what is to come is told');

$t->expect(qr/too few for a reload/);
ok($t->reload(timeout => 60), 'more workers: reload');
ok(wait_for { placeless() == 0 }, 'more workers: all have a place again')
	or diag(placeless());
like($t->read_file('error.log'), qr/has a place in zone "llm" now/,
	'more workers: some were late');

# old ones that do not go, and then do

conf(8);
ok($t->reload(timeout => 60), 'fewer workers');

my $client = $t->client();
my @old;

for my $i (1 .. 20) {
	$mock->script(hold => 1);
	push @old, @{$client->start(map {
		{ uri => '/plain/v1/embeddings', body => { model => 'm',
			input => "old $i.$_" } }
	} 1 .. 24)};

	wait_for { $mock->count() >= @old } or diag('not all are held');
	$t->reload(wait => 0);
}

cmp_ok(placeless(), '>', 0, 'old workers have the places');
$mock->script();
$mock->release();
$client->abort(\@old);

my $gone = wait_for { $t->workers(1) == 8 } 20;
ok($gone, 'the old workers go');
ok(wait_for { placeless() == 0 }, 'all have a place again')
	or diag(placeless());
still_merges($t, $mock, 'afterwards');

$t->done();


sub placeless {
	return $t->metric('llm_batch_workers_without_place') // 'unknown';
}
