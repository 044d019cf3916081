#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards $llm_batch_key: equal for requests that may share a call and for no
# others, in all workers, after a reload, and on all nodes with the same
# secret, so that it may be logged and requests may be distributed by it.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;

my $t = Test::LLMBatch->new('the key')->has('llm_batch');
my $mock = $t->backend();
my $other = $t->backend(8082);
my $uri = '/v1/embeddings';

# who has a key of its own

my @apart = (
	[ 'plain', {} ],
	[ 'a model', { body => '{"model":"n","input":"%s"}' } ],
	[ 'a member', { body => '{"model":"m","input":"%s","user":"u"}' } ],
	[ 'a number', { body => '{"model":"m","input":"%s","dimensions":2}' } ],
	[ 'its text', { body => '{"model":"m","input":"%s","dimensions":2e0}' } ],
	[ 'tokens', { body => '{"model":"m","input":[1]}' } ],
	[ 'a header', { headers => { 'X-A' => 1 } } ],
	[ 'its value', { headers => { 'X-A' => 2 } } ],
	[ 'its name', { headers => { 'X-B' => 1 } } ],
	[ 'a credential', { headers => { Authorization => 'Bearer a' } } ],
	[ 'a host', { headers => { Host => 'elsewhere' } } ],
	[ 'arguments', { args => '?a=1' } ],
	[ 'a location', { where => '/other' } ],
	[ '"if"', { where => '/if', headers => { 'User-Agent' => 'one' } } ],
	[ 'another', { where => '/if', headers => { 'User-Agent' => 'two' } } ],
	[ 'none', { where => '/if' } ],
	[ 'a server', { headers => { Host => 'second' } } ],
);

# and who has that of the first one

my @alike = (
	[ 'order and space', { body => '{ "input" : "%s", "model":"m" }' } ],
	[ 'an array', { body => '{"model":"m","input":["%s","b"]}' } ],
	[ 'a trace', { headers => { 'X-Request-Id' => 7, 'User-Agent' => 'x' } } ],
	[ 'a priority', { headers => { 'X-LLM-Priority' => 2 } } ],
);

my $first;

for my $workers (1, 4) {
	conf($workers);
	$t->run();

	one_for_each_group();
	as_calls_are_made();
	of_calls() if $workers == 1;
	of_those_who_pass();
	over_a_reload($workers);
	distributes();

	$t->quit() if $workers == 1;
}

over_nodes();

$t->done();


sub conf ($workers, %o) {
	my $secret = $o{secret} ? "llm_batch_secret $o{secret};" : '';

	$t->conf(($o{before} // '') . <<'EOF', workers => $workers,
location / {
    proxy_set_header X-Key $llm_batch_key;
    proxy_pass http://backend;
}
location /other/ {
    proxy_pass http://backend/;
}
location /if/ {
    if ($http_user_agent = one) {
        proxy_pass http://backend;
    }
    if ($http_user_agent = two) {
        proxy_pass http://backend;
    }
    proxy_pass http://backend;
}
location /mode/ {
    llm_batch_mode per_request;
    proxy_pass http://backend/;
}
location /dry/ {
    llm_batch zone=llm dry_run;
    proxy_pass http://backend/;
}
location /spread/ {
    llm_batch zone=llm dry_run;
    proxy_pass http://nodes/;
}
location /spread_calls/ {
    proxy_pass http://nodes/;
}
location /off/ {
    llm_batch off;
    proxy_pass http://backend/;
}
EOF
		listen => 'default_server'
			. ($workers > 1 ? ' reuseport backlog=1024' : ''),
		server => 'server_name a b;', http => $secret . <<'EOF');
upstream nodes {
    hash $llm_batch_key consistent;
    server %%ADDR%%:8081;
    server %%ADDR%%:8082;
}
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
server {
    listen %%ADDR%%:8080;
    server_name second;
    location / {
        proxy_set_header X-Key $llm_batch_key;
        proxy_pass http://backend;
    }
}
EOF
}

sub of ($o, $text = 'a') {
	my $body = $o->{body} // '{"model":"m","input":"%s"}';

	return { uri => ($o->{where} // '') . $uri . ($o->{args} // ''),
		headers => { Host => 'a', %{$o->{headers} // {}} },
		body => $body =~ s/%s/$text/r };
}

sub plug {
	return { %{of({})}, body => { model => 'm', input => 'plug' } };
}

# their keys, in the order of the requests; answers are none of our concern

sub keys_of (@requests) {
	my @keys;

	for my $request (@requests) {
		my ($log) = $t->logged(1, sub { $t->request($request) });
		push @keys, $log->[0]{key};
	}

	return @keys;
}

sub one_for_each_group {
	my @keys = keys_of(map { of($_->[1]) } @apart);

	is((grep { !/^[0-9a-f]{16}$/ } @keys), 0, '16 digits')
		or diag("@keys");
	is(scalar uniq(@keys), scalar @apart, 'each has its own')
		or diag(join ', ', map { "$apart[$_][0]: $keys[$_]" }
			0 .. $#keys);

	$first = $keys[0];
	is_deeply([ keys_of(map { of($_->[1], 'another') } @apart) ], \@keys,
		'the same with another text');

	my @same = keys_of(map { of($_->[1]) } @alike);

	is($same[$_], $first, "the same with $alike[$_][0]") for 0 .. $#alike;
}

# who is in a call has the key of the others in it, and of nobody else

sub as_calls_are_made {
	my (%keys, %ids);
	my @requests = map { of($_, 'b'), of($_, 'c') }
		(map { $_->[1] } @apart[0, 1, 2, 3, 6, 7, 9, 11, 12, 16]),
		map { $_->[1] } @alike;
	my ($log) = $t->logged(1 + @requests, sub {
		$t->plugged($mock, \@requests, queued => 10, like => plug());
	});

	for my $line (grep { $_->{status} eq 'MERGED' } @$log) {
		$keys{$line->{id}}{$line->{key}} = 1;
		$ids{$line->{key}}{$line->{id}} = 1;
	}

	cmp_ok(scalar keys %keys, '>=', 1, 'some calls')
		or diag(join ', ', map { $_->{status} } @$log);
	is((grep { keys %$_ != 1 } values %keys), 0, 'a call has one key');
	is(join(' ', uniq map { scalar keys %$_ } values %ids), 1,
		'a key has one call');
}

# the call itself has it, too

sub of_calls {
	$mock->reset();

	my ($log) = $t->logged(5, sub {
		$t->plugged($mock, [ map { of({}, $_) } 'a' .. 'd' ],
			like => plug());
	});

	is(join(' ', uniq map { $_->{key} } @$log), $first, 'of members');
	is(join(' ', map { $_->{headers}{'x-key'} } $mock->calls()),
		"$first $first", 'sent upstream, alone and in a call of four');
}

sub of_those_who_pass {
	my @keys = keys_of(of({ where => '/mode' }), of({ where => '/dry' }),
		of({ headers => { 'X-LLM-Latency-Budget-Ms' => 1 } }));

	is((grep { !/^[0-9a-f]{16}$/ } @keys), 0, 'of who is not held');
	is($keys[2], $first, 'a budget that is too short does not matter');
	isnt($keys[0], $keys[1], 'they are of different locations');

	is(join(' ', keys_of({ uri => $uri, body => '{' },
		{ uri => $uri, body => '{"model":"m","input":"a","stream":true}' },
		{ uri => '/v1/elsewhere', body => '{"model":"m","input":"a"}' },
		of({ where => '/off' }))), '   ', 'no key where there is none');
}

sub over_a_reload ($workers) {
	conf($workers, before => <<'EOF');
location /before/ { return 204; }
location /before2/ { proxy_pass http://backend; }
EOF
	$t->reload();
	is(join(' ', uniq keys_of((of({})) x 4)), $first, 'after a reload');
}

# by requests that pass, and by calls

sub distributes {
	$_->reset() for $mock, $other;

	for my $where ('/spread', '/spread_calls') {
		my (%at, @log);

		for my $model ('a' .. 'p') {
			my $body = qq({"model":"$model","input":"%s"});

			for my $text (1, 2) {
				my ($log) = $t->logged(1, sub {
					$t->request(of({ where => $where,
						body => $body }, $text));
				});
				push @log, @$log;
			}
		}

		$at{$_->{key}}{$_->{upstream}} = 1 for @log;

		is(scalar keys %at, 16, "$where: keys");
		is((grep { keys %$_ != 1 } values %at), 0,
			"$where: each to one server");
		is(scalar uniq(map { keys %$_ } values %at), 2,
			"$where: to both servers");
	}
}

# each has its own zone, and no other thing in common than the configuration

sub over_nodes {
	my $secret = '0123456789abcdef' x 2;
	my %keys;

	$t->write_file(one => $secret)->write_file(same => "$secret\n")
		->write_file(two => "${secret}x");

	for my $name ('', 'none', qw/ one same two /) {
		$t->quit();
		conf(1, secret => $name eq 'none' ? '' : $name);
		$t->run();
		$keys{$name} = join ' ', keys_of(map { of($_->[1]) } @apart);
	}

	isnt($keys{none}, $keys{''}, 'nodes: without a secret they differ');
	is($keys{same}, $keys{one}, 'nodes: the same with the same secret');
	isnt($keys{two}, $keys{one}, 'nodes: others with another one');
	is(scalar uniq(map { split ' ', $_ } values %keys), 4 * @apart,
		'nodes: and so for each request');
}
