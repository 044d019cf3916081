package Test::LLMBatch::Merge;

# Copyright (C) The ngx_http_llm_batch_module authors

# What must hold for any format that takes several inputs in a call.  Run by
# merge_*.t with the URI and a function that makes a body of texts, a single
# one being a bare item where the format has such.

use v5.36;

use Exporter qw/ import /;
use List::Util qw/ max sum0 uniq /;
use Test::More;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

our @EXPORT = qw/ apart cuts is_off merge_conf merges merge_tests meets sizes /;


# tests made by merges()

sub merge_tests { return 34 }

# options: adapter, more (directives), and those of conf()

sub merge_conf($t, $workers, %o) {
	my $adapter = delete $o{adapter} // 'auto';
	my $more = delete $o{more} // '';

	return $t->conf(<<CONF, workers => $workers, %o);
llm_batch zone=llm;
llm_batch_adapter $adapter;
$more
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;

location / {
    proxy_pass http://backend;
}
location /tokens/ {
    llm_batch_max_tokens 4;
    proxy_pass http://backend/;
}
location /four/ {
    llm_batch_max_size 4;
    proxy_pass http://backend/;
}
location /file/ {
    client_body_in_file_only clean;
    proxy_pass http://backend/;
}
location /plain/ {
    llm_batch_concurrency auto;
    llm_batch_max_wait 500ms;
    proxy_http_version 1.0;
    proxy_set_header Connection close;
    proxy_pass http://backend/;
}
CONF
}

# items of the calls so far

sub sizes($mock) { return join ' ', map { $_->{items} } $mock->calls() }

# requests to a URI, made to meet: own answers, in one call

sub meets($t, $mock, $uri, $name, @bodies) {
	my $items = sum0 map { scalar(() = _server($uri)->items($_)) } @bodies;

	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$mock->reset();
	my @r = $t->plugged($mock, [ map { { uri => $uri, body => $_ } }
		@bodies ]);
	is_own_answer(\@r, $name);
	is(sizes($mock), "1 $items", "$name: one call");

	return @r;
}

# the last of these requests shares no call with the others

sub apart($t, $mock, $name, @requests) {
	my @n = map {
		scalar(() = _server($_->{uri})->items($_->{body}))
	} @requests;
	my $last = pop @n;

	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$mock->reset();
	my @r = $t->plugged($mock, \@requests, queued => scalar @n);
	is_own_answer(\@r, $name);
	is_deeply([ sort { $a <=> $b } map { $_->{items} } $mock->calls() ],
		[ sort { $a <=> $b } 1, $last, sum0(@n) ],
		"$name: another call");
}

# a request of six items is cut

sub cuts($t, $mock, $uri, $name, $body) {
	$mock->reset();
	my $r = $t->request({ uri => "/tokens$uri", body => $body });

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_own_answer($r, $name);

	my @sizes = map { $_->{items} } $mock->calls();
	ok(@sizes > 1 && sum0(@sizes) == 6, "$name: calls") or diag("@sizes");
}

# with the default configuration a request of this format goes alone

sub is_off($t, $uri, $body) {
	$t->quit();
	merge_conf($t, 1);
	$t->run();

	my $r = $t->request({ uri => $uri, body => $body });

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_own_answer($r, 'auto');
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS adapter', 'auto: it is off');
}

sub _server($uri) { return Test::LLMBatch::Server::of($uri) }

# cut => 0: arrays of this format are not cut

sub merges($t, $mock, $uri, $make, %o) {
	my $server = _server($uri);
	my $count = sub (@texts) {
		return scalar(() = $server->items($make->(@texts)))
	};
	my $of = sub ($where, @texts) {
		return { uri => "$where$uri", body => $make->(@texts) };
	};
	my $sizes = sub { sizes($mock) };
	my $header = sub ($name, @r) { map { $_->{headers}{$name} // '' } @r };

	# one request alone

	$mock->reset();
	my @r = $t->request($of->('', 'alone'));
	is_own_answer(\@r, 'alone');
	is(join(' ', map { $header->($_, @r) } qw/ x-status x-size x-index /),
		'SINGLE 1 0', 'alone: variables');

	# singles that meet

	$mock->reset();
	@r = $t->plugged($mock, [ map { $of->('', "single $_") } 1 .. 8 ]);
	is_own_answer(\@r, 'singles');
	is($sizes->(), '1 8', 'singles: one call');
	is_deeply([ uniq $header->('x-status', @r) ], [ 'MERGED' ],
		'singles: status');
	is_deeply([ uniq $header->('x-size', @r) ], [ 8 ], 'singles: size');
	is_deeply([ uniq $header->('x-close', @r) ], [ 'slot' ],
		'singles: close');
	is_deeply([ sort $header->('x-index', @r) ], [ 0 .. 7 ],
		'singles: each has a position of its own');
	is(uniq(grep { $_ ne '' } $header->('x-id', @r)), 1,
		'singles: one id');

	# arrays and singles, the same text twice

	my @texts = ([ 'a' ], [ 'b', 'c' ], [ 'a' ],
		[ 'd', "\x{fc}\"\\\n", 'f' ]);

	$mock->reset();
	@r = $t->plugged($mock, [ map { $of->('', @$_) } @texts ]);
	is_own_answer(\@r, 'arrays');
	is($sizes->(), '1 ' . sum0(map { $count->(@$_) } @texts),
		'arrays: one call');

	SKIP: {
		skip 'no usage in this format', 1
			unless %{$server->usage($r[0]{json})};
		is(usage_sum(@r),
			sum0(map { $server->tokens($make->(@$_)) } @texts),
			'arrays: the parts add up to the usage of the call');
	}

	# limits

	$mock->reset();
	@r = $t->plugged($mock, [ map { $of->('/four', "four $_") } 1 .. 10 ]);
	is_own_answer(\@r, 'max_size');
	is($sizes->(), '1 4 4 2', 'max_size: no call is larger');

	my $n = $count->(map { "array $_" } 1 .. 10);
	my $cut = $n > 1 && ($o{cut} // 1);

	# a client's own array may be larger than what is gathered

	$mock->reset();
	@r = $t->request($of->('/four', map { "array $_" } 1 .. 10));
	is_own_answer(\@r, 'an array beyond max_size');
	is(join(' ', map { $header->($_, @r) } qw/ x-status x-reason /),
		'SINGLE company', 'its status');
	is($sizes->(), $n, 'in one piece');

	# but not than what a call may have

	SKIP: {
		skip 'one item for each request', 5 if $n == 1;

		$mock->reset();
		@r = $t->request($of->('/tokens', map { "array $_" } 1 .. 10));
		is_own_answer(\@r, 'an array beyond max_tokens');
		is(join(' ', map { $header->($_, @r) } qw/ x-status x-reason /),
			$cut ? 'SINGLE ' : 'BYPASS tokens',
			'beyond max_tokens: status');

		my @sizes = map { $_->{items} } $mock->calls();
		is(sum0(@sizes), $n, 'beyond max_tokens: each item is sent once');
		cmp_ok(scalar @sizes, $cut ? '>' : '==', 1, $cut ? 'it is cut'
			: 'in one piece');

		skip 'no usage in this format', 1
			unless %{$server->usage($r[0]{json})};
		is(usage_sum(@r), $server->tokens($make->(
			map { "array $_" } 1 .. 10)), 'all of its tokens');
	}

	# ways of sending

	my @ways = ({}, { version => '1.0' }, { chunked => 1 }, { slow => 3 },
		{ expect => 1 }, { keepalive => 1 });

	$mock->reset();
	my $client = $t->client();
	@r = $t->plugged($mock, [
		map { +{ %{$of->('', 'way')}, %$_ } } @ways ]);
	is_own_answer(\@r, 'HTTP/1.0, chunked, slow, Expect');
	is($sizes->(), '1 6', 'all ways: one call');

	$mock->reset();
	@r = $t->plugged($mock, [
		map { $of->('/file', "file $_" x 50) } 1 .. 5 ]);
	is_own_answer(\@r, 'bodies in files');
	is($sizes->(), '1 5', 'bodies in files: one call');

	my $conn = $t->client()->connect();
	@r = map {
		$t->request({ %{$of->('', "kept $_")}, conn => $conn })
	} 1 .. 3;
	is_own_answer(\@r, 'one connection, one after the other');

	# the order of members and white space do not separate

	$mock->reset();
	@r = $t->plugged($mock, [ map {
		my $request = $of->('', "json $_");
		my $body = { %{$request->{body}}, truncate => \1 };
		$request->{body} = $_ % 2 ? encode_json($body)
			: reversed_json($body);
		$request;
	} 1 .. 4 ], like => { %{$of->('', 'plug')}, body =>
		{ %{$make->('plug')}, truncate => \1 } });
	is_own_answer(\@r, 'JSON in another order');
	is($sizes->(), '1 4', 'JSON in another order: one call');

	# load

	$mock->reset();
	$mock->script(delay => 0.004);
	my $load = $t->load(clients => 16, requests => 480, uri => $uri,
		body => sub ($i) {
			$make->(map { "load $i.$_" } 0 .. $i % 3)
		});
	is($load->{ok}, 480, 'load: own answers');
	cmp_ok(scalar(() = $mock->calls()), '<', 240, 'load: fewer calls');
	is(max(map { $_->{inflight} } $mock->calls()), 1,
		'load: one at a time');
	is($mock->items(), sum0(map { $count->(map { "$_" } 0 .. $_ % 3) }
		0 .. 479), 'load: each item is sent once');

	# nothing set but the zone

	@r = $t->burst(20, "/plain$uri", sub ($i) { $make->("plain $i") });
	is_own_answer(\@r, 'defaults');

	$mock->reset();
}

1;
