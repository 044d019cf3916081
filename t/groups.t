#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the list of groups of the status page, which is to say why not more is
# merged: names that are in use come first, however many idle ones there are; a
# name is one row, with the number of its keys and the names of what they differ
# in, but never a value; and of a name with many keys the log tells, once.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('groups')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 2) {
	$t->conf(<<'EOF', workers => $workers, zone => '64m',
location / {
    llm_batch zone=llm;
    llm_batch_vary $arg_vary;
    proxy_pass http://backend;
}
location /other/ {
    llm_batch zone=llm;
    proxy_pass http://backend/;
}
location /tenant/ {
    llm_batch zone=llm;
    llm_batch_tenant $arg_tenant;
    proxy_pass http://backend/;
}
EOF
		http => 'keepalive_requests 100000;
			large_client_header_buffers 4 64k;');
	$t->run();

	one_row_for_a_name();
	words();
	hostile();
	live_ones_come_first() if $workers == 1;
	told_once();
	after_a_reload();

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($model, %o) {
	return { uri => ($o{where} // '') . $uri . ($o{args} // ''),
		headers => $o{headers} // {},
		body => { model => $model, input => 'x', %{$o{body} // {}} } };
}

sub groups {
	my $r = $t->request({ uri => '/llm-batch?format=json' });

	return @{$r->{json}{zones}{llm}{groups}};
}

sub row ($name) {
	my @rows = grep { $_->{name} eq $name } groups();

	is(scalar @rows, 1, "$name: one row");
	return $rows[0] // {};
}

sub differs_are ($model, $want, @requests) {
	$t->request($_) for @requests;

	my $row = row(":$model");

	is(join(' ', sort @{$row->{differs} // []}), $want,
		"$model: differs");
	return $row;
}

sub one_row_for_a_name {
	my $row = differs_are('one', '', of('one'), of('one'));

	is($row->{keys}, 1, 'one: keys');
	ok(!exists $row->{differs}, 'one: nothing to differ');

	$row = differs_are('many', 'authorization user x-a',
		(map { of('many', headers => { 'X-A' => $_ }) } 1 .. 5),
		of('many', headers => { 'X-A' => 5 }, body => { user => 'u' }),
		of('many', headers => { 'X-A' => 5,
			Authorization => 'Bearer a' }, body => { user => 'u' }));
	is($row->{keys}, 7, 'many: keys');
	is($row->{differs}[0], 'x-a', 'many: the most frequent is the first');

	# with and without, in either order

	differs_are('with', 'x-a', of('with'),
		of('with', headers => { 'X-A' => 1 }));
	differs_are('without', 'x-a', of('without',
		headers => { 'X-A' => 1 }), of('without'));

	# requests that are there are added up

	my $client = $t->client();

	$mock->reset();
	$mock->next({ hold => 1 }, { hold => 1 });

	my @held = $client->start(map {
		of('sum', headers => { 'X-A' => $_ }) } 1, 2);

	wait_for { $client->pump(@held); $mock->count() == 2 };
	is(row(':sum')->{inflight}, 2, 'sum: in flight');
	$mock->release();
	$client->finish(@held);
}

sub words {
	differs_are('host', 'host', map {
		of('host', headers => { Host => $_ }) } 'a', 'b');
	differs_are('type', 'content-type', map {
		of('type', headers => { 'Content-Type' => $_ })
	} 'application/json', 'application/x+json');
	differs_are('args', 'arguments', map { of('args', args => $_) }
		'?a=1', '?a=2');
	differs_are('vary', '$arg_vary arguments vary', map {
		of('vary', args => "?vary=$_") } 1, 2);
	differs_are('place', 'location uri vary', of('place'),
		of('place', where => '/other'));
	differs_are('kind', 'items', of('kind'),
		of('kind', body => { input => [ [ 1 ] ] }));
	differs_are('tenant', '$arg_tenant arguments tenant', map {
		of('tenant', where => '/tenant', args => "?tenant=$_")
	} 1, 2);
}

# names are what clients make of them

sub hostile {
	my $long = 'x-' . 'y' x 20_000;
	my $evil = "<script>\"\\\n\x{1}\x{fc}" . 'z' x 1000;

	my $row = differs_are('evil', "<script>\"\\\n\x{1}\x{fc}" . 'z' x 28
		. ' x-' . 'y' x 40, map { of('evil', headers => { $long => $_ },
			body => { $evil => $_ }) } 1, 2);

	# hundreds of them

	for my $i (1 .. 100) {
		$t->request(of('hundreds', headers => { 'X-Always' => $i,
			"X-$i-a" => 1, "X-$i-b" => 1 }));
	}

	$row = row(':hundreds');
	cmp_ok(scalar @{$row->{differs}}, '<=', 8, 'hundreds: a few are told');
	is((grep { $_ eq 'x-always' } @{$row->{differs}}), 1,
		'hundreds: the one that always differs is');
}

# more than are shown, by far

sub live_ones_come_first {
	my $client = $t->client();

	for my $n (1 .. 30) {
		$client->finish($client->start(map {
			of("idle-$n-$_") } 1 .. 100));
	}

	cmp_ok($t->metric('llm_batch_zone_groups'), '>', 3000, 'idle groups');
	is(scalar groups(), 64, 'so many are shown');

	$t->request(of('live')) for 1 .. 4;
	$t->request(of('livelier')) for 1 .. 6;

	my @names = map { $_->{name} } groups();
	my ($live) = grep { $names[$_] eq ':live' } 0 .. $#names;
	my ($livelier) = grep { $names[$_] eq ':livelier' } 0 .. $#names;

	ok(defined $live && $live < 10, 'live: it is there');
	ok(defined $livelier && $livelier < $live, 'livelier: before it');
}

sub warnings {
	return grep { /\[warn\].*keys of/ }
		split /^/, $t->read_file('error.log');
}

sub told_once {
	my $before = warnings();
	my $client = $t->client();
	my $many = sub ($model, $n, %o) {
		$client->finish($client->start(map {
			of($model, %o, headers => { 'X-Trace' => $_,
				%{$o{headers} // {}} }) } 1 .. $n));
	};

	$many->('few', 60);
	is(scalar warnings(), $before, 'few: nothing is told');

	$many->("too\x{fc}\"many", 70, body => { "\x{fc}" => 1 });
	$many->("too\x{fc}\"many", 70, body => { "\x{fc}" => 2 });

	my @told = warnings();

	# unless a minute has just begun

	if (@told == $before) {
		$many->("too\x{fc}\"many", 70, body => { "\x{fc}" => 3 });
		@told = warnings();
	}

	is(@told - $before, 1, 'many: told once');
	my $name = ':too\xc3\xbc\x22many';

	like($told[-1], qr/more than 64 keys of "\Q$name\E" within a minute/,
		'many: its name');
	like($told[-1], qr/header "x-trace" \(llm_batch_ignore_headers\)/,
		'many: what differs, and what helps');
	unlike($told[-1], qr/[^\x20-\x7e\n]/, 'many: nothing but ASCII');

	# of more names than are told of

	$many->("name $_", 70) for 1 .. 24;
	cmp_ok(scalar warnings(), '<=', $before + 17, 'names: a few an hour');
	cmp_ok(scalar warnings(), '>', $before + 5, 'names: but not one only');
}

sub after_a_reload {
	$t->reload();
	$t->request(of('new'));
	is(join(' ', map { "$_->{name} $_->{keys}" } groups()), ':new 1',
		'after a reload: those before are not shown');
}
