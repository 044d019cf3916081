#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that whatever cannot be merged goes through exactly as if the module
# were not there, and says why: the upstream sees the same request, the client
# the same answer, $llm_batch_reason and llm_batch_bypass_total the reason.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Compress::Gzip qw/ gzip /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('bypass')->has('llm_batch');

# each location has a twin below /alone, where the module is off

my $locations = <<'EOF';
location PREFIX/ {
    SWITCH
    proxy_pass http://backend/;
}
location PREFIX/small/ {
    SWITCH
    llm_batch_max_body 200;
    proxy_pass http://backend/;
}
location PREFIX/alone_mode/ {
    SWITCH
    llm_batch_mode $http_x_mode;
    proxy_pass http://backend/;
}
location PREFIX/per_request/ {
    SWITCH
    llm_batch_mode per_request;
    proxy_pass http://backend/;
}
location PREFIX/ollama/ {
    SWITCH
    llm_batch_adapter ollama_embed tei_embed;
    proxy_pass http://backend/;
}
location PREFIX/four/ {
    SWITCH
    llm_batch_max_size 4;
    llm_batch_split off;
    proxy_pass http://backend/;
}
location PREFIX/tokens/ {
    SWITCH
    llm_batch_max_tokens 10;
    proxy_pass http://backend/;
}
EOF

(my $twins = $locations) =~ s/PREFIX/\/alone/g;
$locations =~ s/PREFIX//g;
$locations =~ s/SWITCH/llm_batch zone=llm;/g;
$twins =~ s/SWITCH/llm_batch off;/g;

$t->conf("$locations $twins\n" . <<'EOF');
location /dry/ {
    llm_batch zone=llm dry_run;
    proxy_pass http://backend/;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';
my $good = '{"model":"m","input":"x"}';
my %count;

$t->run();

# what, reason, body, more of the request

my @table = (
	[ 'GET', 'method', undef, method => 'GET' ],
	[ 'PUT', 'method', $good, method => 'PUT' ],
	[ 'text/plain', 'content_type', $good,
		headers => { 'Content-Type' => 'text/plain' } ],
	[ 'form', 'content_type', 'a=b', headers => {
		'Content-Type' => 'application/x-www-form-urlencoded' } ],
	[ 'compressed body', 'encoding', gzipped($good),
		headers => { 'Content-Encoding' => 'gzip' } ],
	[ 'no body', 'json', '' ],
	[ 'not JSON', 'json', 'input=1' ],
	[ 'cut JSON', 'json', '{"model":"m","input":"x' ],
	[ 'two JSON values', 'json', "$good$good" ],
	[ 'trailing comma', 'json', '{"input":"x",}' ],
	[ 'control character in a string', 'json', "{\"input\":\"a\nb\"}" ],
	[ 'invalid UTF-8', 'json', "{\"input\":\"a\xff\"}" ],
	[ 'an array', 'json', '["x"]' ],
	[ 'a string', 'json', '"x"' ],
	[ 'nested too deep', 'json',
		'{"input":"x","y":' . '[' x 5000 . ']' x 5000 . '}' ],
	[ 'duplicate key', 'duplicate_key', '{"input":"x","input":"y"}' ],
	[ 'duplicate key, escaped', 'duplicate_key',
		'{"model":"m","input":"x","\u006dodel":"n"}' ],
	[ 'stream', 'stream', '{"input":"x","stream":true}' ],
	[ 'stream, odd', 'stream', '{"input":"x","stream":1}' ],
	[ 'no input', 'item', '{"model":"m"}' ],
	[ 'input of another format', 'adapter', '{"inputs":"x"}' ],
	[ 'input of another format, streamed', 'stream',
		'{"inputs":"x","stream":true}' ],
	[ 'embeddings of Ollama', 'adapter', '{"model":"m","prompt":"x"}',
		uri => '/api/embeddings' ],
	[ 'texts of Cohere, not enabled', 'adapter', '{"texts":["x"]}',
		uri => '/ollama/embed' ],
	[ 'empty text', 'item', '{"input":""}' ],
	[ 'empty text in an array', 'item', '{"input":["a",""]}' ],
	[ 'null', 'item', '{"input":null}' ],
	[ 'null in an array', 'item', '{"input":["a",null]}' ],
	[ 'empty array', 'item', '{"input":[]}' ],
	[ 'empty array of tokens', 'item', '{"input":[[]]}' ],
	[ 'a number', 'item', '{"input":5}' ],
	[ 'a number', 'item', '{"input":1}' ],
	[ 'true', 'item', '{"input":true}' ],
	[ 'texts and tokens', 'item', '{"input":["a",[1]]}' ],
	[ 'a fraction as token', 'item', '{"input":[1.5]}' ],
	[ 'arrays of texts', 'item', '{"input":[["a"]]}' ],
	[ 'idempotency key', 'idempotency', $good,
		headers => { 'Idempotency-Key' => 'k' } ],
	[ 'large body', 'body_size', '{"input":"' . 'x' x 300000 . '"}' ],
	[ 'body over max_body', 'body_size', '{"input":"' . 'x' x 200 . '"}',
		uri => "/small$uri" ],
	[ 'large body, chunked', 'body_size', '{"input":"' . 'x' x 200 . '"}',
		uri => "/small$uri", chunked => 1 ],
	[ 'unknown API', 'adapter', $good, uri => '/v1/chat/completions' ],
	[ 'end of another name', 'adapter', $good, uri => '/v1/myembeddings' ],
	[ 'adapter not enabled', 'adapter', $good, uri => "/ollama$uri" ],
	[ 'tokens where only texts go', 'item', '{"model":"m","input":[1]}',
		uri => '/api/embed' ],
	[ 'mode', 'mode', $good, uri => "/per_request$uri" ],
	[ 'mode from a variable', 'mode', $good, uri => "/alone_mode$uri",
		headers => { 'X-Mode' => 'per_request' } ],
	[ 'an array beyond what the API takes', 'item',
		'{"inputs":[' . join(',', map { qq("$_") } 1 .. 33) . ']}',
		uri => '/four/embed' ],
	[ 'tokens beyond max_tokens', 'tokens',
		'{"model":"m","input":[1,2,3,4,5,6,7,8,9,10,11]}',
		uri => "/tokens$uri" ],
);

for (@table) {
	my ($name, $reason, $body, %more) = @$_;

	subtest "bypassed: $name" => sub {
		is(join(' ', compare($body, %more)), "BYPASS $reason", 'why')
	};
	$count{$reason}++;
}

# not bypassed

@table = (
	[ 'plain', $good ],
	[ 'stream false', '{"input":"x","stream":false}' ],
	[ 'stream null', '{"input":"x","stream":null}' ],
	[ 'charset', $good, headers => {
		'Content-Type' => 'application/json; charset=utf-8' } ],
	[ 'type in capitals', $good,
		headers => { 'Content-Type' => 'Application/JSON' } ],
	[ 'equal names, not on the top level',
		'{"input":"x","y":{"a":1,"a":2}}' ],
	[ 'space around', " \n{\"input\":\"x\"}\r\n" ],
	[ 'tokens', '{"input":[1,2]}' ],
	[ 'an array beyond max_size',
		'{"model":"m","input":["a","b","c","d","e"]}',
		uri => "/four$uri" ],
	[ 'max_tokens', '{"model":"m","input":[1,2,3,4,5,6,7,8,9,10]}',
		uri => "/tokens$uri" ],
	[ 'mode auto', $good, uri => "/alone_mode$uri",
		headers => { 'X-Mode' => 'auto' } ],
	[ 'mode unknown', $good, uri => "/alone_mode$uri",
		headers => { 'X-Mode' => 'what' } ],
	[ 'mode empty', $good, uri => "/alone_mode$uri" ],
	[ 'a task', $good, headers => { 'X-LLM-Task' => 'index' } ],
	[ 'adapter enabled', $good, uri => '/ollama/api/embed' ],
	[ 'arguments', $good, uri => "$uri?a=b" ],
);

for (@table) {
	my ($name, $body, %more) = @$_;

	subtest "held: $name" => sub {
		is(join(' ', compare($body, %more, held => 1)), 'SINGLE company',
			'status');
	};
}

# dry_run sends everything individually, off does nothing

my @r = $t->burst(4, "/dry$uri", sub ($i) { { model => 'm', input => "d$i" } });
is_own_answer(\@r, 'dry run');
is(join(' ', map { $_->{headers}{'x-status'} } @r), 'DRYRUN ' x 3 . 'DRYRUN',
	'dry run: status');

my $r = $t->request({ uri => "/alone$uri", body => $good });
is($r->{headers}{'x-status'}, undef, 'off: no status');

for (sort keys %count) {
	$t->metric_is(qq!llm_batch_bypass_total{zone="llm",reason="$_"}!,
		$count{$_});
}

$t->done();


sub gzipped ($text) {
	gzip \$text, \my $out;
	return $out;
}

# sends it to the location and to its twin, both must be the same for client
# and upstream; returns status and reason

sub compare ($body, %more) {
	my $held = delete $more{held};
	my $to = delete $more{uri} // $uri;
	my @got;

	for my $prefix ('', '/alone') {
		$mock->reset();
		my $r = $t->request({ body => $body, %more,
			uri => "$prefix$to" });
		my ($call, @more) = $mock->calls();

		is(scalar @more, 0, 'one call');
		push @got, { r => $r, call => $call };
	}

	my ($with, $without) = @got;
	my @call = map { { %{$_->{call}}, time => 0, conn => 0 } } @got;

	# the call of a held request has headers and a body of its own

	for (@call) {
		delete $_->{headers} if $held;
		$_->{body} = decode_json($_->{body}) if $held;
		$_->{body}{input} = [ $_->{body}{input} ] if $held
			and (!ref $_->{body}{input}
				or $_->{body}{input}[0] eq '1');
	}

	is_deeply($call[0], $call[1], 'the same for the upstream');
	is($with->{r}{status}, $without->{r}{status}, 'the same status');
	is($with->{r}{body}, $without->{r}{body}, 'the same answer');

	my ($h, $plain) = map {
		my %h = %{$_->{r}{headers}};
		delete @h{qw/ date x-worker connection /};
		\%h;
	} @got;
	my @own = delete @$h{qw/ x-status x-reason /};
	delete @$h{qw/ x-close x-id x-size x-index /};

	# a held answer is one piece, with its length

	delete @$_{qw/ content-length transfer-encoding /} for $h, $plain;

	is_deeply($h, $plain, 'the same headers');

	return map { $_ // '' } @own;
}
