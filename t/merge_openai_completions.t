#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /v1/completions, off unless it is named, whose prompts have
# "n" choices each, counted through: that each client gets those of its own
# prompts from 0, and, of a server that tells ids of tokens, its own counts.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, completions')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => 'openai_completions');
	$t->run();

	merges($t, $mock, '/v1/completions', sub (@texts) {
		{ model => 'm', max_tokens => 8,
			prompt => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($prompt, %more) {
	return { model => 'm', prompt => $prompt, max_tokens => 8, %more };
}

sub more ($workers) {
	my $uri = '/v1/completions';

	my @r = meets($t, $mock, $uri, 'several choices', map {
		of($_ % 2 ? "text $_" : [ "a $_", "b $_" ], n => 3)
	} 1 .. 4);
	is(join(' ', map { $_->{index} } @{$r[1]{json}{choices}}),
		'0 1 2 3 4 5', 'several choices: counted through');
	is(uniq(map { $_->{json}{id} } @r), 4, 'several choices: own ids');

	meets($t, $mock, $uri, 'tokens', of([ 1, 2, 3 ]),
		of([ [ 4 ], [ 5, 6 ] ]), of([ 7 ]));
	meets($t, $mock, $uri, 'logprobs and echo', map {
		of("text $_", logprobs => 2, echo => \1)
	} 1 .. 3);

	cuts($t, $mock, $uri, 'cut, with several choices',
		of([ map { "text $_" } 1 .. 6 ], n => 2));

	# other parameters, another call

	apart($t, $mock, 'other parameters', map { {
		uri => $uri, body => of("text $_", temperature => $_ < 4 ? 0 : 1)
	} } 1 .. 4);

	# counts that ids of tokens prove, once it is known that there are some

	$mock->as('vllm');

	my @bodies = map { of("a text of $_ " x (3 * $_)) } 1 .. 5;

	meets($t, $mock, $uri, 'vllm', @bodies);
	@r = meets($t, $mock, $uri, 'vllm again', @bodies);

	my $server = Test::LLMBatch::Server::of($uri);
	my $usage = sub ($text) {
		return $server->usage(decode_json($text))
	};

	is_deeply([ map { $usage->($_->{body}) } @r ],
		[ map { $usage->($server->answer($_, {})) } @bodies ],
		'vllm again: exact counts');
	is((grep { $_->{body} =~ /token_ids":\[/ } @r), 0,
		'vllm again: nobody sees ids of tokens');
	like(($mock->calls())[-1]{body}, qr/"return_token_ids":true/,
		'vllm again: they were asked for');

	@r = meets($t, $mock, $uri, 'ids', map {
		of("text $_", return_token_ids => \1)
	} 1 .. 3);
	like($r[0]{body}, qr/"token_ids":\[/, 'ids: for who asked');

	meets($t, $mock, $uri, $_, map { of("text $_", echo => \1) } 1 .. 3)
		for 'echo', 'echo again';

	$mock->as('');

	# under "auto" each goes alone

	is_off($t, $uri, of('text')) if $workers == 1;
}
