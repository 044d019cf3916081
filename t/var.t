#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what an operator sees of a request: the variables in the log, the
# header X-LLM-Batch, and $upstream_*, which nginx itself would leave empty for
# a request that was answered by the call of another one, in another worker.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;

my $t = Test::LLMBatch->new('variables')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my $time = qr/^\d+\.\d{3}$/;

for my $workers (1, 4) {
	conf($workers);
	$t->run();

	alone();
	merged($workers);
	failed();
	passed();
	names();
	client_header();

	$t->quit() if $workers == 1;
}

$t->done();


sub conf ($workers) {
	$t->conf(<<'EOF', workers => $workers);
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
llm_batch_fallback_limit 100%;
llm_batch_breaker failures=100 cooldown=1s;

location / {
    proxy_pass http://backend;
}
location /off/ {
    llm_batch off;
    proxy_pass http://backend/;
}
location /strict/ {
    llm_batch_fallback off;
    proxy_pass http://backend/;
}
location /named/ {
    llm_batch_group "$llm_batch_adapter of $llm_batch_model, $arg_g";
    proxy_pass http://backend/;
}
location /headers/ {
    llm_batch_headers on;
    proxy_pass http://backend/;
}
EOF
}

sub of ($where, $input, %o) {
	return { uri => "$where$uri" . ($o{args} // ''),
		headers => $o{headers} // {},
		body => { model => $o{model} // 'm', input => $input } };
}

# what nginx logs of the n requests that "run" makes, by their index

sub logged ($n, $run) {
	$mock->reset();

	my ($log) = $t->logged($n, $run);

	return sort { ($a->{index} || 0) <=> ($b->{index} || 0) } @$log;
}

# the values of some fields in all lines, each once

sub values_of ($log, @names) {
	return join ', ', uniq sort { $a cmp $b } map {
		my $line = $_;
		join ' ', map { $line->{$_} eq '' ? '-' : $line->{$_} } @names;
	} @$log;
}

sub times_are ($log, $name) {
	is((grep { $_->{wait} !~ $time or $_->{upstream_time} !~ $time } @$log),
		0, "$name: times");
}

sub upstream_is ($log, $status, $name) {
	is(values_of($log, 'upstream', 'upstream_status'),
		$t->addr() . ":8081 $status", "$name: \$upstream_*");
	is((grep { $_->{upstream_response_time} !~ $time } @$log), 0,
		"$name: \$upstream_response_time");
}

sub alone {
	my @log = logged(1, sub { $t->request(of('', [ 1, 2, 3 ])) });

	is(values_of(\@log, qw/ status reason close id size index tokens /),
		'SINGLE company slot - 1 0 3', 'alone');
	is(values_of(\@log, qw/ adapter model group /),
		'openai_embeddings m :m', 'alone: names');
	times_are(\@log, 'alone');
	upstream_is(\@log, 200, 'alone');
}

sub merged ($workers) {
	my $first;
	my @log = logged(9, sub {
		$t->plugged($mock, [ map { of('', $_) } [ 1, 2 ],
			[ [ 3 ], [ 4, 5, 6 ] ], map { [ $_ ] } 7 .. 12 ]);
	});

	# the plug is the first with index 0

	my ($plug) = grep { $_->{status} eq 'SINGLE' } @log;
	@log = grep { $_->{status} ne 'SINGLE' } @log;

	ok($plug, 'merged: the plug went alone');
	is(values_of(\@log, qw/ status reason close size mode /),
		'MERGED - slot 9 merge', 'merged');
	is(values_of(\@log, qw/ adapter model group /),
		'openai_embeddings m :m', 'merged: names');
	like(values_of(\@log, 'id'), qr/^[0-9a-f]+-[0-9a-f]+$/,
		'merged: one id');

	# who has two items is followed by a gap

	my @index = map { $_->{index} } @log;
	my @tokens = map { $_->{tokens} } @log;
	my ($two) = grep { $tokens[$_] == 4 } 0 .. $#log;

	is(join(' ', @index), join(' ', grep { $_ != $index[$two] + 1 } 0 .. 8),
		'merged: each has its place');
	is(join(' ', sort @tokens), '1 1 1 1 1 1 2 4',
		'merged: tokens, as the upstream tells');

	times_are(\@log, 'merged');
	upstream_is(\@log, 200, 'merged');

	is(uniq(map { $_->{upstream_response_time} } @log), 1,
		'merged: $upstream_response_time is that of the call');
	is((grep { $_->{wait} > $_->{time} + 0.002 } @log), 0,
		'merged: a part of $request_time');

	return if $workers == 1;

	# members in more than one worker: sooner or later, as the kernel wants

	my %workers = map { $_->{worker} => 1 } @log;

	for (1 .. 20) {
		last if keys %workers > 1;
		@log = logged(9, sub {
			$t->plugged($mock, [ map { of('', [ $_ ]) } 1 .. 8 ])
		});
		@log = grep { $_->{status} eq 'MERGED' } @log;
		%workers = map { $_->{worker} => 1 } @log;
	}

	cmp_ok(scalar keys %workers, '>', 1, 'merged: over several workers');
	upstream_is(\@log, 200, 'merged: over several workers');
}

sub failed {
	my @texts = map { "text $_" } 1 .. 4;

	# an error to all

	my @log = logged(5, sub {
		$t->plugged($mock, [ map { of('/strict', $_) } @texts ],
			then => sub { $mock->next({ status => 503 }) });
	});

	@log = grep { $_->{status} ne 'SINGLE' } @log;
	is(values_of(\@log, qw/ code status reason close size /),
		'503 FAILED upstream_error slot 4', 'failed');
	upstream_is(\@log, 503, 'failed');

	# each again alone

	@log = logged(5, sub {
		$mock->script(many => { count => 1 });
		$t->plugged($mock, [ map { of('', $_) } @texts ]);
	});

	@log = grep { $_->{status} ne 'SINGLE' } @log;
	is(values_of(\@log, qw/ code status reason close size index /),
		'200 FALLBACK mismatch slot 1 0', 'fallback');
	like(values_of(\@log, 'id'), qr/^[0-9a-f]+-[0-9a-f]+$/,
		'fallback: the id of the call that failed');
	upstream_is(\@log, 200, 'fallback');
}

sub passed {
	my @log = logged(1, sub {
		$t->request({ uri => $uri, headers => { 'X-LLM-Task' => 'chat' },
			body => '{"model":"m\u00fc","input":"x","stream":true}' })
	});

	is(values_of(\@log, qw/ status reason close id mode adapter task /),
		'BYPASS stream - - per_request openai_embeddings chat',
		'bypass');
	is(values_of(\@log, 'model', 'group'), "m\x{fc} chat:m\x{fc}",
		'bypass: names');
	upstream_is(\@log, 200, 'bypass');

	@log = logged(1, sub {
		$t->request({ uri => $uri, body => '{"model":' })
	});

	is(values_of(\@log, qw/ status reason adapter model size tokens wait
		upstream_time /), 'BYPASS json openai_embeddings - - - - -',
		'bypass, not JSON');

	@log = logged(1, sub { $t->request(of('/off', 'x')) });

	is(values_of(\@log, qw/ status reason close id size index adapter model
		mode wait tokens upstream_time group /), join(' ', ('-') x 13),
		'off: nothing');
	upstream_is(\@log, 200, 'off');
}

sub names {
	my @log = logged(1, sub {
		$t->request(of('/named', 'x', args => '?g=7', model => "a\"b"))
	});

	is(values_of(\@log, 'group', 'model'),
		'openai_embeddings of a"b, 7 a"b', 'a group of its own');

	@log = logged(1, sub {
		$t->request(of('', 'x', headers => { 'X-LLM-Task' => 'index' }))
	});

	is(values_of(\@log, 'group', 'task'), 'index:m index',
		'a group with a task');
}

sub client_header {
	my $header = sub ($r) { $r->{headers}{'x-llm-batch'} // '' };

	is($header->($t->request(of('', 'x'))), '', 'headers off');

	like($header->($t->request(of('/headers', 'x'))),
		qr/^status=single;\ size=1;\ index=0;\ wait=\d+\.\d{3};
			\ close=slot;\ usage=exact$/x, 'headers: alone');

	for ([ 'exact', map { [ $_ ] } 1 .. 3 ], [ 'estimated', 'a', 'bb bb', 'ccc ccc ccc ccc' ]) {
		my ($usage, @inputs) = @$_;
		my @r = $t->plugged($mock, [ map { of('/headers', $_) }
			@inputs ]);

		is((grep {
			$header->($_) !~ /^status=merged;\ id=[0-9a-f]+-[0-9a-f]+;
				\ size=3;\ index=[0-2];\ wait=\d+\.\d{3};
				\ close=slot;\ usage=$usage$/x
		} @r), 0, "headers: merged, $usage") or diag($header->($r[0]));

		is(join(' ', sort map {
			"$1 $2" if $header->($_) =~ /id=(\S+);.* index=(\d)/
		} @r), join(' ', map {
			"$_->{headers}{'x-id'} $_->{headers}{'x-index'}"
		} sort {
			$a->{headers}{'x-index'} <=> $b->{headers}{'x-index'}
		} @r), "headers: merged, $usage: as the variables");
	}

	is($header->($t->request({ uri => "/headers$uri", body => '[]' })),
		'status=bypass; reason=json', 'headers: bypass');
	is($header->($t->request({ uri => '/headers/' })),
		'status=bypass; reason=method', 'headers: bypass, GET');

	$mock->script(many => { count => -1 });

	my @r = $t->plugged($mock, [ map { of('/headers', $_) } 'a' .. 'c' ]);
	is((grep {
		$header->($_) !~ /^status=fallback;\ reason=mismatch;\ id=\S+;
			\ size=1;\ index=0;\ .*\ usage=exact$/x
	} @r), 0, 'headers: fallback') or diag($header->($r[0]));

	$mock->reset();
}
